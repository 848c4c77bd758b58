/**
 * A store on etcd: transactions over its JSON gateway, https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/.
 *
 * Not through a client library: those repeat requests on their own, and a repeated compare-and-swap conflicts with
 * itself. The version of a key is its `mod_revision`, which the cluster never uses twice.
 */
import { absent, misuse, readDuration, record, wrongType, type Version } from '../contract/index.ts';
import type { Engine, Removed, Store, StoreEntry, Written } from './contract.ts';
import { failure } from './failure.ts';
import { Members, send, sendForLines, type Answer, type Request } from './http.ts';
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
  const members = new Members(endpoints.map((one) => new URL(one as string).origin));
  const timeout = readDuration(fields['timeout'], 'options.timeout', 10_000);
  const all = { ...(headers as Record<string, string>), 'content-type': 'application/json' };
  const store = storeOn(new Etcd(members, prefix, { headers: all, timeout }));
  await store.read('untorn-check');
  return store;
}

/** Up to which revision of the cluster a reading has seen changes: an absent key has no revision of its own. */
const revisions = new WeakMap<StoreEntry, string>();

class Etcd implements Engine {
  readonly #members: Members;
  readonly #prefix: string;
  readonly #terms: Pick<Request, 'headers' | 'timeout'>;
  readonly durable = 'majority';
  readonly maxBytes: number = maxBytes;

  constructor(members: Members, prefix: string, terms: Pick<Request, 'headers' | 'timeout'>) {
    this.#members = members;
    this.#prefix = prefix;
    this.#terms = terms;
  }

  get address(): string {
    return `etcd://${this.#members.hosts}/${this.#prefix}`;
  }

  async read(key: string, signal: AbortSignal | undefined): Promise<StoreEntry> {
    const { kvs, header } = await this.#ask('/v3/kv/range', { key: this.#nameOf(key) }, true, signal);
    const entry = entryOf(kvs?.[0]);
    revisions.set(entry, header.revision);
    return entry;
  }

  async write(key: string, content: Buffer, ifMatch?: Version, signal?: AbortSignal): Promise<Written> {
    const change = { request_put: { key: this.#nameOf(key), value: content.toString('base64') } };
    const reply = await this.#transact(key, ifMatch, change, signal);
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
    const body = { create_request: { key: this.#nameOf(key), start_revision: start } };
    const request = this.#request(this.#members.current, '/v3/watch', body, signal);
    try {
      for await (const line of sendForLines(request, refused)) {
        const { result } = JSON.parse(line) as WatchLine;
        // As when the revision was compacted, or the member has lost its leader: it is read again.
        if (result === undefined || result.canceled === true) throw new Error('etcd has ended the watch');
        for (const { type, kv } of result.events ?? []) yield entryOf(type === 'DELETE' ? undefined : kv);
      }
    } catch (error) {
      this.#members.pass();
      throw error;
    }
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
    return this.#ask('/v3/kv/txn', body, false, signal);
  }

  async #ask(path: string, body: object, isRead: boolean, signal: AbortSignal | undefined): Promise<Reply> {
    const once = async (origin: string): Promise<Reply> => {
      const answer = await send(this.#request(origin, path, body, signal));
      const reply = jsonIn(answer.body) as Reply | undefined;
      if (answer.status !== 200 || reply === undefined) throw refused(answer);
      return reply;
    };
    return this.#members.ask(once, isRead, signal);
  }

  #request(origin: string, path: string, body: object, signal: AbortSignal | undefined): Request {
    return { ...this.#terms, url: origin + path, method: 'POST', body: JSON.stringify(body), signal };
  }

  #nameOf(key: string): string {
    return Buffer.from(this.#prefix + key).toString('base64');
  }
}

/** What a member says of a key. */
interface KeyValue {
  readonly value?: string;
  readonly mod_revision: string;
}

/** An answer, as far as it is read here. */
interface Reply {
  readonly header: { readonly revision: string };
  readonly succeeded?: boolean;
  readonly kvs?: readonly KeyValue[];
  readonly responses?: readonly {
    readonly response_range?: Reply;
    readonly response_delete_range?: { readonly deleted?: string };
  }[];
}

interface WatchLine {
  readonly result?: {
    readonly canceled?: boolean;
    readonly events?: readonly { readonly type?: string; readonly kv: KeyValue }[];
  };
}

/** The codes of gRPC after which nothing has changed: it was the request, the credentials, or no space. */
const refusals: ReadonlySet<unknown> = new Set([3, 5, 7, 8, 9, 11, 12, 16]);

/** Undefined if it is none: it is then not from etcd, but from something before it. */
function jsonIn(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function refused({ status, body }: Pick<Answer, 'status' | 'body'>): Error {
  const { code, message } = (jsonIn(body) ?? {}) as { code?: unknown; message?: unknown };
  const said = typeof message === 'string' ? message : body.toString().slice(0, 200);
  const text = `the server answered with status ${status}: ${said}`;
  return refusals.has(code) || (code === undefined && status >= 400 && status < 500)
    ? failure('old', 'ERR_UNTORN_REFUSED', text)
    : failure('unknown', 'ERR_UNTORN_NO_ANSWER', text);
}

function entryOf(found: KeyValue | undefined): StoreEntry {
  if (found === undefined) return { content: undefined, version: absent };
  return { content: Buffer.from(found.value ?? '', 'base64'), version: found.mod_revision };
}

/** What a transaction has found whose condition was not met. */
function foundBy(reply: Reply): Version {
  return reply.responses?.[0]?.response_range?.kvs?.[0]?.mod_revision ?? absent;
}
