/** One request over HTTP: sent once, with its whole answer or an error that says whether it was sent. */
import { aborted } from '../contract/index.ts';
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

/** Nothing is ever repeated, and no redirect followed, since that would send it twice. */
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
