/** Requests over HTTP: each is sent once, and its failure says whether it was sent. */
import { aborted, codeOf } from '../contract/index.ts';
import { connectionFailure } from './failure.ts';

/** A request of an engine. */
export interface Request {
  readonly url: string;
  readonly method: 'DELETE' | 'GET' | 'POST' | 'PUT';
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array | string | undefined;
  /** Milliseconds until the answer counts as lost. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/** Its answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** The whole answer to a request. Nothing is ever repeated, and no redirect followed, since that would send it twice. */
export async function send({ url, timeout, signal, body, ...rest }: Request): Promise<Answer> {
  const limit = AbortSignal.timeout(timeout);
  try {
    const response = await fetch(url, {
      ...rest,
      ...(body !== undefined && { body: body as never }),
      redirect: 'manual',
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
  } catch (error) {
    if (signal?.aborted === true) throw aborted(signal);
    const cause = limit.aborted ? { code: 'ETIMEDOUT', message: `no answer for ${timeout} ms` } : error;
    throw connectionFailure(cause);
  }
}

/** The lines of an answer that does not end. Any status but success is the error that `refused` gives. */
export async function* sendForLines(
  { url, method, headers, signal, body }: Request,
  refused: (answer: Pick<Answer, 'status' | 'body'>) => Error,
): AsyncGenerator<string, void, void> {
  let begun = '';
  try {
    const response = await fetch(url, {
      method,
      ...(headers !== undefined && { headers }),
      body: body as never,
      redirect: 'manual',
      signal: signal ?? null,
    });
    if (!response.ok || response.body === null)
      throw refused({ status: response.status, body: Buffer.from(await response.arrayBuffer()) });
    for await (const part of response.body.pipeThrough(new TextDecoderStream() as never)) {
      const complete = `${begun}${String(part)}`.split('\n');
      begun = complete.pop() ?? '';
      yield* complete.filter((line) => line.trim() !== '');
    }
  } catch (error) {
    if (signal?.aborted === true) throw aborted(signal);
    throw connectionFailure(error);
  }
}

/** Several servers of which any can be asked. */
export class Members {
  readonly #origins: readonly string[];
  /** The one that is asked: the next one, once it has not answered. */
  #current = 0;

  constructor(origins: readonly string[]) {
    this.#origins = origins;
  }

  get hosts(): string {
    return this.#origins.map((origin) => new URL(origin).host).join(',');
  }

  get current(): string {
    return this.#origins[this.#current]!;
  }

  /** Another one is asked next. */
  pass(): void {
    this.#current = (this.#current + 1) % this.#origins.length;
  }

  /** Asks another one only if this one has changed nothing for certain, and has not refused. */
  async ask<T>(request: (origin: string) => Promise<T>, isRead: boolean, signal: AbortSignal | undefined): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await request(this.current);
      } catch (error) {
        if (signal?.aborted === true || codeOf(error) === 'ERR_UNTORN_REFUSED') throw error;
        this.pass();
        const isHarmless = isRead || (error as { outcome?: unknown }).outcome === 'old';
        if (!isHarmless || attempt >= this.#origins.length) throw error;
      }
    }
  }
}
