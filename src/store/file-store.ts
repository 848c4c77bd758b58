/**
 * A store on files: a directory with one file for each key, and this package's lock. It is where a program begins that
 * has one machine.
 */
import { absent, misuse, unchanged, versionOf, type PathLike, type Version } from '../contract/index.ts';
import { absolutePath } from '../system/index.ts';
import { recover } from '../journal/index.ts';
import { transaction } from '../transaction/index.ts';
import { readVersioned, updateFile } from '../update/index.ts';
import type { Engine, Removed, Store, StoreEntry, StoreResult, Written } from './contract.ts';
import { storeOn } from './store.ts';

/** The largest content, in bytes: files are larger, but a content is held in memory. */
const maxBytes = 256 * 2 ** 20;

/**
 * Opens a store on the files of a directory, which is made at the first write. Each key has one file, whose name is the
 * key with other characters than `a`-`z`, digits, `-`, `_` and `.` written as `%XX`; the name has at most 200 bytes.
 *
 * Several processes can use it at once; where no lock excludes other machines, writes are refused. Versions are digests:
 * the same bytes have the same version.
 *
 * @throws {WriteError} with the system's code, if the directory cannot be read.
 * @example Begin on one machine
 * ```ts
 * import { openFileStore } from 'untorn/store';
 *
 * const store = await openFileStore('state');
 * const { version } = await store.write('greeting', 'hello');
 * await store.write('greeting', 'hello again', { ifMatch: version });
 * ```
 */
export async function openFileStore(directory: PathLike): Promise<Store> {
  const given = absolutePath(directory, 'directory');
  if (typeof given !== 'string')
    throw misuse('ERR_INVALID_ARG_VALUE', '"directory" must be text in UTF-8: it is part of the address of a store');
  const path = given.replace(/(?<=.)\/+$/, '');
  // What a removal that was killed has begun.
  await recover(path).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
  });
  return storeOn(new Files(path));
}

class Files implements Engine {
  readonly #directory: string;
  readonly durable = 'synced';
  readonly maxBytes: number = maxBytes;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get address(): string {
    return `file:${this.#directory}/`;
  }

  async read(key: string, signal: AbortSignal | undefined): Promise<StoreEntry> {
    return readVersioned(this.#fileOf(key), { signal });
  }

  async write(
    key: string,
    content: Buffer,
    ifMatch: Version | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Written> {
    let found: Version = absent;
    const isMet = (): boolean => ifMatch === undefined || ifMatch === found;
    const written = await this.update(
      key,
      async ({ version }) => {
        found = version;
        return isMet() ? content : undefined;
      },
      undefined,
      signal,
    );
    return isMet() ? written : { conflict: found };
  }

  async update(
    key: string,
    change: (entry: StoreEntry) => Promise<Uint8Array | undefined>,
    timeout: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<StoreResult> {
    const { version, durable } = await updateFile(
      this.#fileOf(key),
      async (content, info) => (await change({ content, version: info.version })) ?? unchanged,
      { makeParents: true, signal, lock: { timeout } },
    );
    return { version, durable: durable === true ? 'synced' : 'memory' };
  }

  async remove(key: string, ifMatch: Version | undefined, signal: AbortSignal | undefined): Promise<Removed> {
    const file = this.#fileOf(key);
    // Without this, there might be no directory to lock in.
    if ((await this.read(key, signal)).content === undefined) return removedOf(absent, ifMatch);
    let found: Version = absent;
    await transaction(
      async (tx) => {
        found = versionOf(await contentOf(tx, file));
        if (found !== absent && (ifMatch === undefined || ifMatch === found)) await tx.remove(file);
      },
      { lock: { files: [file] }, signal },
    );
    return removedOf(found, ifMatch);
  }

  #fileOf(key: string): string {
    const name = fileNameOf(key);
    if (name.length > 200)
      throw misuse('ERR_INVALID_ARG_VALUE', `"key" makes a file name of more than 200 bytes: "${name.slice(0, 60)}…"`);
    return `${this.#directory}/${name}`;
  }
}

function removedOf(found: Version, ifMatch: Version | undefined): Removed {
  return ifMatch === undefined || ifMatch === found ? { removed: found !== absent } : { conflict: found };
}

/** What a file in the transaction has. */
async function contentOf(tx: { readFile(path: string): Promise<Buffer> }, file: string): Promise<Buffer | undefined> {
  try {
    return await tx.readFile(file);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Different keys have different files, also where case does not count; none is hidden, is a temporary file or a lock, or
 * has a name that Windows keeps for itself.
 */
function fileNameOf(key: string): string {
  const hex = (bytes: Buffer): string => Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const name = key.replace(/[^a-z0-9._-]+|^\.|\.$/gu, (part) => hex(Buffer.from(part)));
  return /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/.test(name) ? `${hex(Buffer.from(name[0]!))}${name.slice(1)}` : name;
}
