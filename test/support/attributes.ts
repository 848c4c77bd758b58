/** Extended attributes, for tests that set and see them: by the native part itself, also where the package is without. */
import { closeSync, constants, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants as system } from 'node:os';
import { fileURLToPath } from 'node:url';

interface Addon {
  readonly operations: Readonly<Record<string, number>>;
  readonly outcome: ArrayBuffer;
  chain(done: undefined, ...link: unknown[]): readonly Buffer[] | undefined;
}

// The copy beside the compiled sources: that of the package may be replaced by a test.
const beside = `../../src/system/${process.platform}-${process.arch}.node`;
let loaded: Addon | undefined;

/** Makes a call for a file, never for what a link leads to. */
function call(operation: string, path: string | Buffer, first?: unknown, second?: unknown): Buffer | undefined {
  loaded ??= createRequire(import.meta.url)(fileURLToPath(new URL(beside, import.meta.url))) as Addon;
  // O_PATH, which Node does not name: nothing is read.
  const fd = openSync(path, 0o10000000 | constants.O_NOFOLLOW);
  try {
    const bytes = loaded.chain(undefined, loaded.operations[operation], fd, first, second);
    const [, errno] = new Float64Array(loaded.outcome);
    if (errno === 0) return bytes?.[0];
    const code = Object.entries(system.errno).find(([, number]) => number === errno)?.[0];
    throw Object.assign(new Error(`${code}: ${operation}`), { code });
  } finally {
    closeSync(fd);
  }
}

/** The attributes of a file: each byte of a name is a character, and the values are in hexadecimal. */
export function attributesOf(path: string | Buffer): Record<string, string> {
  const list = call('listxattr', path)?.toString('latin1') ?? '';
  const names = list.split('\0').filter((name) => name !== '');
  return Object.fromEntries(
    names.map((name) => {
      const value = call('getxattr', path, Buffer.from(name, 'latin1'));
      return [name, value?.toString('hex') ?? ''];
    }),
  );
}

export function setAttribute(path: string | Buffer, name: string | Buffer, value: Uint8Array): void {
  call('setxattr', path, name, value);
}
