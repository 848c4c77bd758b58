/** A proxy between a client and its server that can drop answers, as a network does. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Where a proxy listens, and what it does. */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  /**
   * What becomes of requests and answers: `'pass'`; `'drop'`: requests arrive, and when the server begins to answer, the
   * connection is cut instead; `'refuse'`: nobody can connect, and open connections are cut.
   */
  set(mode: 'pass' | 'drop' | 'refuse'): Promise<void>;
  /** How many answers were dropped. */
  readonly dropped: number;
  close(): Promise<void>;
}

/** Opens a proxy for a server. */
export async function openProxy(server: { readonly host: string; readonly port: number }): Promise<Proxy> {
  const host = '127.0.0.1';
  const clients = new Set<Socket>();
  let mode: 'pass' | 'drop' | 'refuse' = 'pass';
  let dropped = 0;

  const accept = (client: Socket): void => {
    const onward = connect(server);
    const end = (): void => {
      clients.delete(client);
      client.destroy();
      onward.destroy();
    };
    clients.add(client);
    client.on('data', (data) => onward.write(data));
    onward.on('data', (data) => {
      if (mode === 'pass') {
        client.write(data);
        return;
      }
      dropped++;
      end();
    });
    for (const socket of [client, onward]) socket.on('error', end).on('close', end);
  };
  let listener = createServer(accept);
  const listen = async (port: number): Promise<number> =>
    new Promise((resolve, reject) => {
      listener.once('error', reject).listen(port, host, () => resolve((listener.address() as AddressInfo).port));
    });
  const stop = async (): Promise<void> => {
    for (const client of clients) client.destroy();
    if (listener.listening) await new Promise((done) => listener.close(done));
  };
  const port = await listen(0);

  return {
    host,
    port,
    async set(next) {
      mode = next;
      if (next === 'refuse') {
        await stop();
      } else if (!listener.listening) {
        listener = createServer(accept);
        await listen(port);
      }
    },
    get dropped() {
      return dropped;
    },
    close: stop,
  };
}
