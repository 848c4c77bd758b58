/** A store by its address, so that a program outgrows its machine by a setting. */
import { fileURLToPath } from 'node:url';
import { misuse, record, wrongType } from '../contract/index.ts';
import type { Store } from './contract.ts';
import { openEtcdStore, type EtcdStoreOptions } from './etcd.ts';
import { openFileStore } from './file-store.ts';
import { openPostgresStore, type PostgresPool } from './postgres.ts';
import { openS3Store, type S3StoreOptions } from './s3.ts';

/** What an address does not say. */
export interface OpenStoreOptions {
  /** For S3. */
  credentials?: S3StoreOptions['credentials'];
  /** For etcd. */
  headers?: EtcdStoreOptions['headers'];
  /** For PostgreSQL: the program's own pool of the package `pg`, connected to the database of the address. */
  pool?: PostgresPool | undefined;
  /** Milliseconds until an answer counts as lost, for S3 and etcd. */
  timeout?: number | undefined;
}

/**
 * Opens the store at an address:
 *
 * - `file:state/`, `file:///var/lib/app/`: a directory, {@link openFileStore}
 * - `s3://bucket/prefix/?endpoint=http://127.0.0.1:7480&region=eu-1`: {@link openS3Store}; without `endpoint`, AWS
 * - `etcd://10.0.0.1:2379,10.0.0.2:2379/prefix/`: {@link openEtcdStore}; `etcds://` for TLS
 * - `postgres://host/database?table=state`, with the option `pool`: {@link openPostgresStore}
 *
 * A path is not an address: `state/` is an error.
 *
 * @throws {TypeError} `ERR_INVALID_ARG_VALUE` for another address or an option that it does not have; and the errors of
 * these functions.
 * @example Begin on one machine, and move by a setting
 * ```ts
 * import { openStore } from 'untorn/store';
 *
 * const store = await openStore(process.env['STORE'] ?? 'file:state/');
 * const { content, version } = await store.read('greeting');
 * ```
 */
export async function openStore(address: string, options?: OpenStoreOptions | null): Promise<Store> {
  if (typeof address !== 'string') throw wrongType('address', 'a string', address);
  const scheme = /^([a-z\d]+):./.exec(address)?.[1] ?? '';
  const opener = openers[scheme];
  if (opener === undefined)
    throw misuse(
      'ERR_INVALID_ARG_VALUE',
      `"address" must begin with file:, s3:, etcd:, etcds: or postgres:, not ${JSON.stringify(address.slice(0, 80))}; a path is not a store`,
    );
  return opener.open(address, { ...record(options, 'options', opener.options) });
}

interface Opener {
  readonly options: readonly (keyof OpenStoreOptions)[];
  open(address: string, options: OpenStoreOptions): Promise<Store>;
}

const etcd: Opener = {
  options: ['headers', 'timeout'],
  async open(address, options) {
    const [, secure = '', hosts = '', prefix = ''] = /^etcd(s?):\/\/([^/?#]+)(?:\/(.*))?$/.exec(address) ?? [];
    if (hosts === '') throw misuse('ERR_INVALID_ARG_VALUE', 'The address of etcd must be etcd://HOST:PORT,…/PREFIX');
    const endpoints = hosts.split(',').map((host) => `http${secure}://${host}`);
    return openEtcdStore({ endpoints, prefix: decodeURIComponent(prefix), ...options });
  },
};

const postgres: Opener = {
  options: ['pool'],
  async open(address, { pool }) {
    const { host, pathname, searchParams } = urlOf(address, ['table']);
    if (pool === undefined)
      throw misuse('ERR_INVALID_ARG_VALUE', 'A store on PostgreSQL needs "options.pool", a pool of the package pg');
    const table = searchParams.get('table') ?? undefined;
    return openPostgresStore({ pool, table, address: `postgres://${host}${pathname}` });
  },
};

const openers: Readonly<Record<string, Opener>> = {
  file: {
    options: [],
    open: async (address) =>
      openFileStore(address.startsWith('file://') ? fileURLToPath(address) : address.slice('file:'.length)),
  },
  s3: {
    options: ['credentials', 'timeout'],
    async open(address, options) {
      const { host, pathname, searchParams } = urlOf(address, ['endpoint', 'region']);
      const [endpoint, region] = [searchParams.get('endpoint') ?? undefined, searchParams.get('region') ?? undefined];
      return openS3Store({
        bucket: host,
        prefix: decodeURIComponent(pathname.slice(1)),
        endpoint,
        region,
        ...options,
      });
    },
  },
  etcd,
  etcds: etcd,
  postgres,
  postgresql: postgres,
};

/** An address as a URL that has only known parameters: a misspelt one must not be ignored. */
function urlOf(address: string, known: readonly string[]): URL {
  const url = new URL(address);
  for (const name of url.searchParams.keys())
    if (!known.includes(name)) throw misuse('ERR_INVALID_ARG_VALUE', `"${name}" is not a parameter of this address`);
  return url;
}
