/** A small server of S3 that honours conditions, or does wrong what servers do wrong. */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Behaviour {
  /** Ignores `If-None-Match`. */
  ignoresAbsence?: boolean;
  /** Ignores `If-Match`. */
  ignoresVersions?: boolean;
  /** Takes an ETag only without its quotation marks, and answers losers with 500. */
  asCeph?: boolean;
  /** Ignores the condition of a removal. */
  ignoresRemovals?: boolean;
  /** Answers every write with this status, once it is opened. */
  status?: number;
}

export interface FakeS3 {
  readonly endpoint: string;
  readonly port: number;
  /** What it does from now on. */
  behaviour: Behaviour;
  readonly requests: { method: string; url: string; headers: IncomingMessage['headers'] }[];
  close(): Promise<void>;
}

export async function startFakeS3(behaviour: Behaviour = {}): Promise<FakeS3> {
  const objects = new Map<string, Buffer>();
  const tagOf = (content: Buffer): string => createHash('md5').update(content).digest('hex');
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      fake.requests.push({ method, url, headers });
      const answer = (status: number, body: string | Buffer = '', tag?: string): void => {
        response.writeHead(status, tag === undefined ? {} : { etag: `"${tag}"` }).end(body);
      };
      const object = objects.get(url);
      const { ignoresAbsence, ignoresVersions, asCeph, ignoresRemovals, status } = fake.behaviour;
      if (method === 'GET') {
        if (object === undefined) answer(404, '<Code>NoSuchKey</Code>');
        else answer(200, object, tagOf(object));
        return;
      }
      if (status !== undefined) {
        answer(status, '<Code>Told</Code>');
        return;
      }
      const isIgnored = method === 'DELETE' && (ignoresRemovals === true || asCeph === true);
      const quote = asCeph === true ? '' : '"';
      const expected = headers['if-match'];
      const actual = object === undefined ? undefined : `${quote}${tagOf(object)}${quote}`;
      const lost =
        (expected !== undefined && ignoresVersions !== true && expected !== actual) ||
        (headers['if-none-match'] === '*' && ignoresAbsence !== true && object !== undefined);
      if (lost && !isIgnored) {
        answer(expected !== undefined && object === undefined ? 404 : 412, '<Code>PreconditionFailed</Code>');
        return;
      }
      const content = Buffer.concat(parts);
      if (method === 'DELETE') objects.delete(url);
      else objects.set(url, content);
      answer(method === 'DELETE' ? 204 : 200, '', tagOf(content));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const fake: FakeS3 = {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    behaviour,
    requests: [],
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return fake;
}

export const credentials = { accessKeyId: randomUUID(), secretAccessKey: randomUUID() };
