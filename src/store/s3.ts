/**
 * A store on S3 and on servers that speak it: conditional writes by `If-Match` and `If-None-Match`,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html.
 *
 * There are servers that take a condition and ignore it, so that every client wins: opening a store tries it. The
 * version is the ETag, a digest of the content, so the same bytes have the same version.
 */
import { absent, readDuration, record, wrongType, type Version } from '../contract/index.ts';
import { currentTime } from '../system/index.ts';
import type { Engine, Removed, Store, StoreEntry, Written } from './contract.ts';
import { asWriteError, failure } from './failure.ts';
import { send, type Answer } from './http.ts';
import { encodedPath, signed, type S3Credentials } from './s3-signature.ts';
import { storeOn } from './store.ts';

/** How to reach a bucket. */
export interface S3StoreOptions {
  bucket: string;
  /** What all keys begin with. @default '' */
  prefix?: string | undefined;
  /** The server, as `http://127.0.0.1:7480`; the bucket is then in the path. @default that of AWS for the region */
  endpoint?: string | undefined;
  /** @default the environment's `AWS_REGION`, else `us-east-1` */
  region?: string | undefined;
  /** @default the environment's `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` */
  credentials?: S3Credentials | undefined;
  /** Milliseconds until an answer counts as lost. @default 30_000 */
  timeout?: number | undefined;
}

/** One request could have 5 GiB; but a content is held in memory, and this is what was tried. */
const maxBytes = 64 * 2 ** 20;

/**
 * Opens a store in a bucket, and makes sure with an object of its own (`.untorn-check-…`, removed again) that the
 * server honours conditions.
 *
 * @throws {TypeError} for a wrong option; {@link WriteError} `ERR_UNTORN_UNCONDITIONAL` if the server ignores
 * conditions: nothing there would keep writers apart; or the error of the connection.
 * @example A server of one's own
 * ```ts
 * import { openS3Store } from 'untorn/s3';
 *
 * const open = () => openS3Store({ bucket: 'state', endpoint: 'http://127.0.0.1:7480' });
 * ```
 */
export async function openS3Store(options: S3StoreOptions): Promise<Store> {
  const fields = record(options, 'options', ['bucket', 'prefix', 'endpoint', 'region', 'credentials', 'timeout']);
  const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  const text = (name: string, otherwise?: string): string => {
    const value = fields[name] ?? otherwise;
    if (typeof value !== 'string') throw wrongType(`options.${name}`, 'a string', value);
    return value;
  };
  const bucket = text('bucket');
  const region = text('region', AWS_REGION ?? 'us-east-1');
  const endpoint = fields['endpoint'] === undefined ? undefined : new URL(text('endpoint'));
  const credentials = (fields['credentials'] ?? {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  }) as S3Credentials;
  if (typeof credentials.accessKeyId !== 'string' || typeof credentials.secretAccessKey !== 'string')
    throw wrongType('options.credentials', 'an object with accessKeyId and secretAccessKey', fields['credentials']);
  const base =
    endpoint === undefined ? `https://${bucket}.s3.${region}.amazonaws.com/` : `${endpoint.origin}/${bucket}/`;
  const engine = new S3(`s3://${bucket}/${text('prefix', '')}`, base, text('prefix', ''), {
    region,
    credentials,
    timeout: readDuration(fields['timeout'], 'options.timeout', 30_000),
  });
  try {
    await engine.check();
  } catch (error) {
    throw asWriteError({ path: engine.address, step: 'resolve', operation: 'read', otherwise: 'old' }, error);
  }
  return storeOn(engine);
}

interface Terms {
  readonly region: string;
  readonly credentials: S3Credentials;
  readonly timeout: number;
}

class S3 implements Engine {
  readonly address: string;
  readonly #base: string;
  readonly #prefix: string;
  readonly #terms: Terms;
  readonly durable = 'service';
  readonly maxBytes: number = maxBytes;
  /** Ceph's gateway takes an ETag only without its quotation marks. */
  #quotes = true;
  #removesOnCondition = false;

  constructor(address: string, base: string, prefix: string, terms: Terms) {
    this.address = address;
    this.#base = base;
    this.#prefix = prefix;
    this.#terms = terms;
  }

  /** Fails unless the server honours both conditions; finds out how it takes a version, and whether for a removal too. */
  async check(): Promise<void> {
    const key = `.untorn-check-${process.getBuiltinModule('node:crypto').randomUUID()}`;
    const write = async (content: string, ifMatch: Version): Promise<Written> =>
      this.write(key, Buffer.from(content), ifMatch, undefined);
    const other = 'd41d8cd98f00b204e9800998ecf8427e';
    try {
      const first = await write('first', absent);
      if ('conflict' in first) throw unconditional('refuses to create what is not there');
      if ('version' in (await write('second', absent))) throw unconditional('ignores If-None-Match');
      if ('version' in (await write('third', other))) throw unconditional('ignores If-Match');
      if ('conflict' in (await write('fourth', first.version))) {
        this.#quotes = false;
        if ('version' in (await write('third', other))) throw unconditional('ignores If-Match');
        if ('conflict' in (await write('fourth', first.version))) throw unconditional('does not know its own ETag');
      }
      this.#removesOnCondition = true;
      this.#removesOnCondition = 'conflict' in (await this.remove(key, other, undefined));
    } finally {
      await this.remove(key, undefined, undefined).catch(() => undefined);
    }
  }

  async read(key: string, signal: AbortSignal | undefined): Promise<StoreEntry> {
    const answer = await this.#call('GET', key, {}, undefined, signal);
    if (answer.status === 404 && !answer.body.includes('NoSuchBucket')) return { content: undefined, version: absent };
    if (answer.status !== 200) throw refused(answer);
    return { content: answer.body, version: versionOf(answer) };
  }

  async write(
    key: string,
    content: Buffer,
    ifMatch: Version | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Written> {
    const answer = await this.#call('PUT', key, this.#condition(ifMatch), content, signal);
    if (isConflict(answer, ifMatch)) return { conflict: undefined };
    if (answer.status !== 200) throw refused(answer);
    return { version: versionOf(answer) };
  }

  async remove(key: string, ifMatch: Version | undefined, signal: AbortSignal | undefined): Promise<Removed> {
    if (ifMatch !== undefined && (!this.#removesOnCondition || ifMatch === absent))
      throw failure('old', 'ERR_UNTORN_UNSUPPORTED', 'this server removes nothing on a condition');
    const answer = await this.#call('DELETE', key, this.#condition(ifMatch), undefined, signal);
    if (isConflict(answer, ifMatch)) return { conflict: undefined };
    if (answer.status !== 204 && answer.status !== 200 && answer.status !== 404) throw refused(answer);
    return { removed: undefined }; // S3 does not tell whether there was something.
  }

  #condition(ifMatch: Version | undefined): Record<string, string> {
    if (ifMatch === undefined) return {};
    if (ifMatch === absent) return { 'if-none-match': '*' };
    return { 'if-match': this.#quotes ? `"${ifMatch}"` : ifMatch };
  }

  async #call(
    method: 'DELETE' | 'GET' | 'PUT',
    key: string,
    headers: Record<string, string>,
    body: Uint8Array | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const { credentials, region, timeout } = this.#terms;
    const url = new URL(this.#base + encodedPath(this.#prefix + key));
    const request = { method, url, headers, body: body ?? new Uint8Array() };
    const own = signed(request, credentials, region, new Date(currentTime()));
    return send({ url: url.href, method, headers: own, body, timeout, signal });
  }
}

/** Whether it is certain that the condition was not met; 409: another write of the key was under way, and has won. */
function isConflict({ status, body }: Answer, ifMatch: Version | undefined): boolean {
  if (ifMatch === undefined) return false;
  return status === 412 || status === 409 || (status === 404 && !body.includes('NoSuchBucket'));
}

/** Only an answer of the client's fault says that nothing has changed: 5xx is also for what came too late. */
function refused({ status, body }: Answer): Error {
  const code = /<Code>([^<]*)<\/Code>/.exec(body.toString())?.[1] ?? 'no reason';
  const text = `the server answered with status ${status} (${code})`;
  return status >= 300 && status < 500
    ? failure('old', 'ERR_UNTORN_REFUSED', text)
    : failure('unknown', 'ERR_UNTORN_NO_ANSWER', text);
}

function unconditional(what: string): Error {
  return failure('old', 'ERR_UNTORN_UNCONDITIONAL', `the server ${what}, so it cannot keep writers apart`);
}

function versionOf({ headers }: Answer): Version {
  const tag = headers.get('etag')?.replace(/^"|"$/g, '');
  if (tag === undefined || tag === '') throw failure('unknown', 'ERR_UNTORN_NO_ANSWER', 'the answer has no ETag');
  return tag;
}
