/** Changes to a process before the package is loaded: calls that are counted, an addon that is missing. */
import fs from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';

export const stopping = { calls: 0, at: Number.POSITIVE_INFINITY };

/** As where an optional dependency was not installed. */
export function hideAddon(): void {
  const loader = createRequire(import.meta.url)('node:module') as Record<
    '_resolveFilename',
    (name: string, ...rest: unknown[]) => string
  >;
  const hidden = '_resolveFilename';
  const resolve = loader[hidden];
  loader[hidden] = function (name, ...rest) {
    if (name === '@napi-rs/xattr')
      throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
    return resolve.call(this, name, ...rest);
  };
}

/** Calls of the package are counted, and it stands still before one of them for ever: there it is killed. */
export function countCalls(): void {
  const names = [
    'open',
    'close',
    'write',
    'fsync',
    'fstat',
    'lstat',
    'stat',
    'readdir',
    'mkdir',
    'rmdir',
    'rename',
    'link',
    'symlink',
    'unlink',
    'fchown',
    'fchmod',
    'futimes',
    'read',
    'readlink',
  ];
  const calls = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of names.flatMap((name) => [name, `${name}Sync`])) {
    const call = calls[name]!;
    calls[name] = function (this: unknown, ...args) {
      if (stopping.calls++ === stopping.at) standStill();
      return call.apply(this, args);
    };
  }
  syncBuiltinESMExports();
}

function standStill(): never {
  stopping.at = Number.POSITIVE_INFINITY;
  fs.writeSync(1, 'stopped\n');
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
