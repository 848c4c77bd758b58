/**
 * The JSON gateway of etcd, https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/: which member is asked, and what its
 * answers mean.
 */
import { absent, aborted, codeOf, type Version } from '../contract/index.ts';
import type { StoreEntry } from './contract.ts';
import { connectionFailure, failure } from './failure.ts';
import { send, type Answer } from './http.ts';

/** What a member says of a key. */
export interface KeyValue {
  readonly value?: string;
  readonly mod_revision: string;
}

/** An answer, as far as it is read here. */
export interface Reply {
  readonly header: { readonly revision: string };
  readonly succeeded?: boolean;
  readonly kvs?: readonly KeyValue[];
  readonly responses?: readonly {
    readonly response_range?: Reply;
    readonly response_delete_range?: { readonly deleted?: string };
  }[];
}

export class Gateway {
  readonly #endpoints: readonly string[];
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeout: number;
  /** The member that is asked: the next one, once it has not answered. */
  #current = 0;

  constructor(endpoints: readonly string[], headers: Readonly<Record<string, string>>, timeout: number) {
    this.#endpoints = endpoints;
    this.#headers = { ...headers, 'content-type': 'application/json' };
    this.#timeout = timeout;
  }

  get hosts(): string {
    return this.#endpoints.map((url) => new URL(url).host).join(',');
  }

  /** Asks another member only if this one has changed nothing for certain. */
  async call(path: string, body: object, signal: AbortSignal | undefined, isRead: boolean): Promise<Reply> {
    for (let attempt = 1; ; attempt++) {
      try {
        const url = `${this.#endpoints[this.#current]}${path}`;
        const request = { url, method: 'POST', headers: this.#headers, body: JSON.stringify(body) } as const;
        return replyIn(await send({ ...request, timeout: this.#timeout, signal }));
      } catch (error) {
        if (signal?.aborted === true || codeOf(error) === 'ERR_UNTORN_REFUSED') throw error;
        this.#next();
        const isHarmless = isRead || (error as { outcome?: unknown }).outcome === 'old';
        if (!isHarmless || attempt >= this.#endpoints.length) throw error;
      }
    }
  }

  /** The lines of an answer that does not end. */
  async *lines(path: string, body: object, signal: AbortSignal): AsyncGenerator<string, void, void> {
    const request = { method: 'POST', headers: this.#headers, body: JSON.stringify(body), redirect: 'manual' } as const;
    let rest = '';
    try {
      const response = await fetch(`${this.#endpoints[this.#current]}${path}`, { ...request, signal });
      if (!response.ok || response.body === null) throw refused(response.status, Buffer.alloc(0));
      for await (const part of response.body.pipeThrough(new TextDecoderStream() as never)) {
        const complete = `${rest}${String(part)}`.split('\n');
        rest = complete.pop() ?? '';
        yield* complete.filter((line) => line.trim() !== '');
      }
    } catch (error) {
      if (signal.aborted) throw aborted(signal);
      this.#next();
      throw connectionFailure(error);
    }
  }

  #next(): void {
    this.#current = (this.#current + 1) % this.#endpoints.length;
  }
}

/** The codes of gRPC after which nothing has changed: it was the request, the credentials, or no space. */
const refusals: ReadonlySet<unknown> = new Set([3, 5, 7, 8, 9, 11, 12, 16]);

function replyIn({ status, body }: Answer): Reply {
  if (status !== 200) throw refused(status, body);
  try {
    return JSON.parse(body.toString()) as Reply;
  } catch (error) {
    throw failure('unknown', 'ERR_UNTORN_NO_ANSWER', 'the answer is not JSON', error);
  }
}

function refused(status: number, body: Buffer): Error {
  let said: { code?: unknown; message?: unknown } = {};
  try {
    said = JSON.parse(body.toString()) as typeof said;
  } catch {
    // Not from etcd, but from something before it.
  }
  const text = `the server answered with status ${status}: ${typeof said.message === 'string' ? said.message : body.toString().slice(0, 200)}`;
  return refusals.has(said.code) || (said.code === undefined && status >= 400 && status < 500)
    ? failure('old', 'ERR_UNTORN_REFUSED', text)
    : failure('unknown', 'ERR_UNTORN_NO_ANSWER', text);
}

export function entryOf(found: KeyValue | undefined): StoreEntry {
  if (found === undefined) return { content: undefined, version: absent };
  return { content: Buffer.from(found.value ?? '', 'base64'), version: found.mod_revision };
}

/** What a transaction has found whose condition was not met. */
export function foundBy(reply: Reply): Version {
  return reply.responses?.[0]?.response_range?.kvs?.[0]?.mod_revision ?? absent;
}

interface WatchLine {
  readonly result?: {
    readonly canceled?: boolean;
    readonly events?: readonly { readonly type?: string; readonly kv: KeyValue }[];
  };
}

/** The changes in a line of a watch. */
export function* eventsIn(line: string): Generator<StoreEntry> {
  const { result } = JSON.parse(line) as WatchLine;
  // As when the revision was compacted, or the member has lost its leader: it is read again.
  if (result === undefined || result.canceled === true) throw new Error('etcd has ended the watch');
  for (const { type, kv } of result.events ?? []) yield entryOf(type === 'DELETE' ? undefined : kv);
}
