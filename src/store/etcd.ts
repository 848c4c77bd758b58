/**
 * A store on etcd: transactions over its JSON gateway, https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/.
 *
 * Not through a client library: those repeat requests on their own, and a repeated compare-and-swap conflicts with
 * itself. The version of a key is its `mod_revision`, which the cluster never uses twice.
 */
import { absent, misuse, readDuration, record, wrongType, type Version } from '../contract/index.ts';
import type { Engine, Removed, Store, StoreEntry, Written } from './contract.ts';
import { entryOf, eventsIn, foundBy, Gateway, type Reply } from './etcd-gateway.ts';
import { storeOn } from './store.ts';

/** How to reach etcd. */
export interface EtcdStoreOptions {
  /** The members, as `http://10.0.0.1:2379`; the next one is asked if one cannot be reached. */
  endpoints: readonly string[];
  /** What all keys begin with. @default '' */
  prefix?: string | undefined;
  /** Headers of every request, as `authorization` with a token. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds until an answer counts as lost. @default 10_000 */
  timeout?: number | undefined;
}

/** etcd refuses requests of more than 1.5 MiB unless it is told otherwise (`--max-request-bytes`). */
const maxBytes = 2 ** 20;

/**
 * Opens a store on etcd. A write has resolved when a majority of the members has synced it.
 *
 * @throws {TypeError} for a wrong option; {@link WriteError} if no member answers.
 * @example Three members
 * ```ts
 * import { openEtcdStore } from 'untorn/etcd';
 *
 * const open = () => openEtcdStore({ endpoints: ['http://10.0.0.1:2379', 'http://10.0.0.2:2379', 'http://10.0.0.3:2379'] });
 * ```
 */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const fields = record(options, 'options', ['endpoints', 'prefix', 'headers', 'timeout']);
  const { endpoints, prefix = '', headers = {} } = fields;
  if (!Array.isArray(endpoints) || !endpoints.every((one) => typeof one === 'string' && /^https?:\/\//.test(one)))
    throw wrongType('options.endpoints', 'an array of URLs that begin with http:// or https://', endpoints);
  if (endpoints.length === 0) throw misuse('ERR_INVALID_ARG_VALUE', '"options.endpoints" is empty');
  if (typeof prefix !== 'string') throw wrongType('options.prefix', 'a string', prefix);
  const urls = endpoints.map((one) => new URL(one as string).origin);
  const timeout = readDuration(fields['timeout'], 'options.timeout', 10_000);
  const store = storeOn(new Etcd(new Gateway(urls, headers as Record<string, string>, timeout), prefix));
  await store.read('untorn-check');
  return store;
}

/** Up to which revision of the cluster a reading has seen changes: an absent key has no revision of its own. */
const revisions = new WeakMap<StoreEntry, string>();

class Etcd implements Engine {
  readonly #gateway: Gateway;
  readonly #prefix: string;
  readonly durable = 'majority';
  readonly maxBytes: number = maxBytes;

  constructor(gateway: Gateway, prefix: string) {
    this.#gateway = gateway;
    this.#prefix = prefix;
  }

  get address(): string {
    return `etcd://${this.#gateway.hosts}/${this.#prefix}`;
  }

  async read(key: string, signal: AbortSignal | undefined): Promise<StoreEntry> {
    const { kvs, header } = await this.#gateway.call('/v3/kv/range', { key: this.#nameOf(key) }, signal, true);
    const entry = entryOf(kvs?.[0]);
    revisions.set(entry, header.revision);
    return entry;
  }

  async write(
    key: string,
    content: Uint8Array,
    ifMatch: Version | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Written> {
    const value = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('base64');
    const reply = await this.#transact(key, ifMatch, { request_put: { key: this.#nameOf(key), value } }, signal);
    return reply.succeeded === true ? { version: reply.header.revision } : { conflict: foundBy(reply) };
  }

  async remove(key: string, ifMatch: Version | undefined, signal: AbortSignal | undefined): Promise<Removed> {
    const change = { request_delete_range: { key: this.#nameOf(key) } };
    const reply = await this.#transact(key, ifMatch, change, signal);
    if (reply.succeeded !== true) return { conflict: foundBy(reply) };
    return { removed: Number(reply.responses?.[0]?.response_delete_range?.deleted ?? 0) > 0 };
  }

  async *changes(key: string, after: StoreEntry, signal: AbortSignal): AsyncGenerator<StoreEntry> {
    const start = String(BigInt(revisions.get(after) ?? '0') + 1n);
    const request = { create_request: { key: this.#nameOf(key), start_revision: start } };
    for await (const line of this.#gateway.lines('/v3/watch', request, signal)) yield* eventsIn(line);
  }

  /** One transaction: the change if the condition is met, else a look at what is there. */
  async #transact(
    key: string,
    ifMatch: Version | undefined,
    change: object,
    signal: AbortSignal | undefined,
  ): Promise<Reply> {
    const name = this.#nameOf(key);
    // A version that etcd never gave matches nothing; its parser would refuse it.
    const revision = ifMatch === absent ? '0' : /^\d{1,18}$/.test(ifMatch ?? '0') ? ifMatch : '-1';
    const condition = { key: name, target: 'MOD', result: 'EQUAL', mod_revision: revision };
    const compare = ifMatch === undefined ? [] : [condition];
    const body = { compare, success: [change], failure: [{ request_range: { key: name } }] };
    return this.#gateway.call('/v3/kv/txn', body, signal, false);
  }

  #nameOf(key: string): string {
    return Buffer.from(this.#prefix + key).toString('base64');
  }
}
