/** Each engine: its server, how a client reaches it, and what is tried besides the tests of every store. */
import { strict as assert } from 'node:assert';
import { openEtcdStore } from 'untorn/etcd';
import { openPostgresStore, type PostgresPool } from 'untorn/postgres';
import { openS3Store } from 'untorn/s3';
import { openStore, updateBytes, WriteError, type Store } from 'untorn/store';
import type { StoreSubject, StoreTest } from 'untorn/store/testing';
import { startCephGateway, startEtcd, startPostgres, startS3rver, type S3Server } from './servers.ts';

/** Packages that were installed for the tests. */
export interface Tools {
  folder(): string;
  load(name: string): unknown;
}

export interface Engine {
  readonly name: string;
  /** Throws Missing if the server is not installed here. */
  start(tools: Tools): Promise<Trial>;
}

/** A server that runs, and what is tried with it. */
export interface Trial {
  readonly subject?: StoreSubject;
  readonly further: readonly StoreTest[];
  stop(): Promise<void>;
}

const amount = { clients: 8, rounds: 20 };
const host = '127.0.0.1';

export const etcd: Engine = {
  name: 'etcd, one member',
  async start() {
    const server = await startEtcd(1);
    return {
      subject: {
        ...amount,
        server: { host, port: server.port },
        open: async () => openStore(`etcd://${host}:${server.port}/app/`),
        openThrough: async (proxy) => openEtcdStore({ endpoints: [`http://${host}:${proxy.port}`], prefix: 'app/' }),
      },
      further: [],
      stop: server.stop,
    };
  },
};

export const etcdCluster: Engine = {
  name: 'etcd, three members',
  async start() {
    const server = await startEtcd(3);
    const open = async (): Promise<Store> => openEtcdStore({ endpoints: server.endpoints, timeout: 5000 });
    return {
      further: [
        {
          name: 'no increment is lost or doubled when the leader is killed',
          run: async () => {
            await incrementWhile(open, server.killLeader);
            return undefined;
          },
        },
      ],
      stop: server.stop,
    };
  },
};

interface Pool extends PostgresPool {
  end(): Promise<void>;
  on(event: 'error', listener: () => void): this;
}

export const postgres: Engine = {
  name: 'PostgreSQL',
  async start({ load }) {
    const { Pool } = load('pg') as { Pool: new (options: object) => Pool };
    const server = await startPostgres();
    const pools: Pool[] = [];
    const poolFor = (port: number): Pool => {
      const pool = new Pool({ ...server.connection, port, max: 1 });
      pools.push(pool.on('error', () => undefined));
      return pool;
    };
    const open = async (): Promise<Store> =>
      openStore(`postgres://${host}:${server.port}/postgres?table=state`, { pool: poolFor(server.port) });
    return {
      subject: {
        ...amount,
        server: { host, port: server.port },
        open,
        openThrough: async ({ port }) => openPostgresStore({ pool: poolFor(port), table: 'state' }),
      },
      further: [
        {
          name: 'no increment is lost or doubled when the server crashes',
          run: async () => {
            await incrementWhile(open, server.crash);
            return undefined;
          },
        },
        {
          name: 'a server that was told not to sync is called so',
          run: async () => {
            const pool = poolFor(server.port);
            assert.equal((await openPostgresStore({ pool })).durable, 'synced');
            await pool.query('SET synchronous_commit = off');
            assert.equal((await openPostgresStore({ pool })).durable, 'memory');
            return undefined;
          },
        },
      ],
      async stop() {
        await Promise.all(pools.map(async (pool) => pool.end()));
        await server.stop();
      },
    };
  },
};

function openBucket({ bucket, credentials }: S3Server, port: number): Promise<Store> {
  return openS3Store({ bucket, credentials, prefix: 'app/', endpoint: `http://${host}:${port}` });
}

export const ceph: Engine = {
  name: "S3: Ceph's gateway",
  async start() {
    const server = await startCephGateway();
    return {
      subject: {
        ...amount,
        rounds: 10,
        server: { host, port: server.port },
        open: async () =>
          openStore(`s3://${server.bucket}/app/?endpoint=${server.endpoint}`, {
            credentials: server.credentials,
          }),
        openThrough: async ({ port }) => openBucket(server, port),
      },
      further: [
        {
          name: 'wrong credentials are an error when it is opened',
          run: async () => {
            const credentials = { accessKeyId: 'access', secretAccessKey: 'wrong' };
            const error = await failureOf(openBucket({ ...server, credentials }, server.port));
            assert.deepEqual([error.code, error.outcome], ['ERR_UNTORN_REFUSED', 'old']);
            return undefined;
          },
        },
      ],
      stop: server.stop,
    };
  },
};

export const withoutConditions: Engine = {
  name: 'S3: a server that ignores conditions',
  async start({ folder }) {
    const server = await startS3rver(folder());
    return {
      further: [
        {
          name: 'it is refused when it is opened',
          run: async () => {
            const error = await failureOf(openBucket(server, server.port));
            assert.deepEqual([error.code, error.outcome], ['ERR_UNTORN_UNCONDITIONAL', 'old'], error.message);
            return undefined;
          },
        },
      ],
      stop: server.stop,
    };
  },
};

async function failureOf(call: Promise<unknown>): Promise<WriteError> {
  const error: unknown = await call.then(
    () => assert.fail('The call was to fail, and did not'),
    (one: unknown) => one,
  );
  if (WriteError.isWriteError(error)) return error;
  throw error;
}

/**
 * Eight clients increment, and a failure happens in the middle. What was acknowledged is there, and nothing twice: the
 * count is that of the acknowledged increments, and at most that of the unknown ones more.
 */
async function incrementWhile(open: () => Promise<Store>, fail: () => Promise<void>): Promise<void> {
  const stores = await Promise.all(Array.from({ length: 8 }, open));
  const known = { acknowledged: 0, unknown: 0, failed: 0 };
  let isOver = false;
  const clients = stores.map(async (store) => {
    while (!isOver) {
      try {
        await updateBytes(store, 'count', (old = '0') => String(Number(old) + 1), 'utf8');
        known.acknowledged++;
      } catch (error) {
        if (!WriteError.isWriteError(error)) throw error;
        known[error.outcome === 'unknown' ? 'unknown' : 'failed']++;
        await new Promise((wake) => setTimeout(wake, 50));
      }
    }
  });
  const reaches = async (count: number): Promise<void> => {
    while (known.acknowledged < count) await new Promise((wake) => setTimeout(wake, 20));
  };
  try {
    await reaches(100);
    await fail();
    // Those after the failure.
    await reaches(known.acknowledged + 100);
  } finally {
    isOver = true;
    await Promise.all(clients);
  }
  const count = Number((await stores[0]!.read('count')).content);
  const { acknowledged, unknown } = known;
  console.log(
    `     ${count} increments: ${acknowledged} acknowledged, ${unknown} unknown, ${known.failed} failed for certain`,
  );
  assert.ok(count >= acknowledged && count <= acknowledged + unknown);
  await Promise.all(stores.map(async (store) => store.close()));
}
