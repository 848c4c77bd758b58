/** A process whose calls are counted: that begins before the package is loaded. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { native } from '../support/stand-ins.ts';

export const stopping = { calls: 0, at: Number.POSITIVE_INFINITY };

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
  const calls = fs as unknown as typeof native;
  const count = (home: typeof native, name: string): void => {
    const call = home[name]!;
    home[name] = function (this: unknown, ...args) {
      if (stopping.calls++ === stopping.at) standStill();
      return call.apply(this, args);
    };
  };
  for (const name of names.flatMap((name) => [name, `${name}Sync`])) count(calls, name);
  for (const name of Object.keys(native)) count(native, name);
  syncBuiltinESMExports();
}

function standStill(): never {
  stopping.at = Number.POSITIVE_INFINITY;
  fs.writeSync(1, 'stopped\n');
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
