/**
 * A store in one table of PostgreSQL: each write is one statement, which the server does as a whole or not at all.
 *
 * Versions come from a sequence, so none is ever used twice. Each change is told by NOTIFY, in its own transaction.
 */
import { on, type EventEmitter } from 'node:events';
import { absent, codeOf, misuse, record, wrongType, type Version } from '../contract/index.ts';
import type { Engine, Removed, Store, StoreDurability, StoreEntry, Written } from './contract.ts';
import { asWriteError, connectionFailure, failure } from './failure.ts';
import { storeOn } from './store.ts';

/** What a pool or a client of the package `pg` does for a store. */
export interface PostgresPool {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  /** Of a pool only, which gives each watch a client of its own for as long as it goes on. */
  readonly totalCount?: number;
  connect?(): Promise<unknown>;
}

type Queryable = Pick<PostgresPool, 'query'>;
/** What a pool gives. */
type Client = Queryable & EventEmitter & { release(destroy: boolean): void };

/** How to keep a store in a database. */
export interface PostgresStoreOptions {
  /** The program's own pool; closing the store leaves it open. */
  pool: PostgresPool;
  /** The table, made if it is missing: letters, digits and `_`, with its schema before a dot. @default 'untorn_store' */
  table?: string | undefined;
  /** Where it is, for messages. @default 'postgres:' */
  address?: string | undefined;
}

/** Whoever watches a key of any table listens to it. */
const channel = 'untorn_store';

/** PostgreSQL takes up to 1 GiB; this is what was tried. */
const maxBytes = 64 * 2 ** 20;

/**
 * Opens a store in a table.
 *
 * A write has resolved when the server has synced it: `durable` is `'synced'`, or `'majority'` if it waits for other
 * servers too (`synchronous_standby_names`), or `'memory'` if the server was told not to sync (`fsync`,
 * `synchronous_commit`).
 *
 * @throws {TypeError} for a wrong option; {@link WriteError} with the code of the connection, or `ERR_UNTORN_REFUSED`.
 * @example In the program's own database
 * ```ts
 * import { openPostgresStore } from 'untorn/postgres';
 *
 * const pool = { query: async () => ({ rows: [] }) }; // new pg.Pool({ … })
 * const open = () => openPostgresStore({ pool, table: 'state' });
 * ```
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const fields = record(options, 'options', ['pool', 'table', 'address']);
  const { pool, table = 'untorn_store', address = 'postgres:' } = fields;
  if (typeof (pool as PostgresPool | undefined)?.query !== 'function')
    throw wrongType('options.pool', 'a pool of the package pg', pool);
  if (typeof table !== 'string' || !/^(?:[a-z_]\w{0,40}\.)?[a-z_]\w{0,40}$/i.test(table))
    throw misuse('ERR_INVALID_ARG_VALUE', '"options.table" must be a name of letters, digits and _');
  if (typeof address !== 'string') throw wrongType('options.address', 'a string', address);
  const quoted = table.replaceAll(/\w+/g, '"$&"');
  return storeOn(await openTable(pool as PostgresPool, quoted, `${address.replace(/\/?$/, '/')}${table}/`));
}

async function openTable(pool: PostgresPool, table: string, address: string): Promise<Engine> {
  try {
    await createTable(pool, table);
    const [row] = await ask<{ fsync: string; commit: string; standbys: string }>(
      pool,
      `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
        current_setting('synchronous_standby_names') AS standbys`,
    );
    const isSynced = row?.fsync === 'on' && row.commit !== 'off';
    const waits = isSynced && row.standbys !== '' && row.commit !== 'local';
    return new Table(pool, table, address, waits ? 'majority' : isSynced ? 'synced' : 'memory');
  } catch (error) {
    throw asWriteError({ path: address, step: 'resolve', operation: 'read', otherwise: 'old' }, error);
  }
}

async function createTable(pool: PostgresPool, table: string): Promise<void> {
  try {
    const columns = 'key text COLLATE "C" PRIMARY KEY, content bytea NOT NULL, version bigserial NOT NULL';
    await ask(pool, `CREATE TABLE IF NOT EXISTS ${table} (${columns})`);
  } catch (error) {
    // Somebody else may have made it at the same time, or this user may only use it.
    await ask(pool, `SELECT version FROM ${table} LIMIT 0`).catch(() => {
      throw error;
    });
  }
}

class Table implements Engine {
  readonly #pool: PostgresPool;
  readonly #table: string;
  readonly address: string;
  readonly durable: StoreDurability;
  readonly maxBytes: number = maxBytes;
  readonly changes: Engine['changes'];

  constructor(pool: PostgresPool, table: string, address: string, durable: StoreDurability) {
    this.#pool = pool;
    this.#table = table;
    this.address = address;
    this.durable = durable;
    // A client has connect() too, but is only one.
    if (pool.totalCount !== undefined) this.changes = (key, _, signal) => this.#listen(key, signal);
  }

  async read(key: string): Promise<StoreEntry> {
    return this.#read(this.#pool, key);
  }

  async #read(from: Queryable, key: string): Promise<StoreEntry> {
    const text = `SELECT content, version::text FROM ${this.#table} WHERE key = $1`;
    const [row] = await ask<{ content: Uint8Array; version: string }>(from, text, key);
    if (row === undefined) return { content: undefined, version: absent };
    return { content: Buffer.from(row.content), version: row.version };
  }

  async write(key: string, content: Buffer, ifMatch: Version | undefined): Promise<Written> {
    const insert = `INSERT INTO ${this.#table} (key, content) VALUES ($1, $2) ON CONFLICT`;
    const change = 'SET content = $2, version = DEFAULT';
    const [statement, ...condition] =
      ifMatch === undefined
        ? [`${insert} (key) DO UPDATE ${change}`]
        : ifMatch === absent
          ? [`${insert} DO NOTHING`]
          : [`UPDATE ${this.#table} ${change} WHERE key = $1 AND version::text = $3`, ifMatch];
    const version = await this.#changed(statement!, key, content, ...condition);
    return version === undefined ? { conflict: undefined } : { version };
  }

  async remove(key: string, ifMatch: Version | undefined): Promise<Removed> {
    const remove = `DELETE FROM ${this.#table} WHERE key = $1`;
    if (ifMatch === undefined) return { removed: (await this.#changed(remove, key)) !== undefined };
    if (ifMatch === absent) {
      const { version } = await this.read(key);
      return version === absent ? { removed: false } : { conflict: version };
    }
    const removed = await this.#changed(`${remove} AND version::text = $2`, key, ifMatch);
    return removed === undefined ? { conflict: undefined } : { removed: true };
  }

  async *#listen(key: string, signal: AbortSignal): AsyncGenerator<StoreEntry> {
    const client = (await this.#pool.connect!()) as Client;
    try {
      client.on('error', () => undefined); // The query or the iteration fails.
      const heard = on(client, 'notification', { signal, close: ['end'] });
      await ask(client, `LISTEN ${channel}`);
      // It may have changed before that.
      yield await this.#read(client, key);
      for await (const [{ payload }] of heard)
        if (payload === `${this.#table}/${key}`) yield await this.#read(client, key);
    } finally {
      client.release(true); // Or the pool would give others a client that listens.
    }
  }

  /** The version of the row that a statement has changed; undefined if none, or if another transaction was faster. */
  async #changed(statement: string, key: string, ...values: unknown[]): Promise<Version | undefined> {
    const told = `pg_notify('${channel}', '${this.#table}/' || $1)`;
    const text = `WITH changed AS (${statement} RETURNING version) SELECT version::text, ${told} FROM changed`;
    try {
      return (await ask<{ version: string }>(this.#pool, text, key, ...values))[0]?.version;
    } catch (error) {
      // A stricter isolation than the default one makes an error of a lost race: serialization failure or deadlock.
      if (['40001', '40P01'].includes(codeOf((error as Error).cause) ?? '')) return undefined;
      throw error;
    }
  }
}

async function ask<Row>(from: Queryable, text: string, ...values: unknown[]): Promise<readonly Row[]> {
  try {
    return (await from.query(text, values)).rows as readonly Row[];
  } catch (error) {
    throw asFailure(error);
  }
}

/**
 * An error of the server, with an SQLSTATE, means that the statement was rolled back; but not if the server was ending
 * (57P0x), the connection was lost (08) or it does not know itself (40003),
 * https://www.postgresql.org/docs/current/errcodes-appendix.html.
 */
function asFailure(error: unknown): Error {
  const state = (error as { severity?: unknown }).severity === undefined ? undefined : codeOf(error);
  if (state === undefined) return connectionFailure(error);
  const text = `the server answered with ${state}: ${(error as Error).message}`;
  return /^08|^57P0|^40003$/.test(state)
    ? failure('unknown', 'ERR_UNTORN_NO_ANSWER', text, error)
    : failure('old', 'ERR_UNTORN_REFUSED', text, error);
}
