import type { Ended } from './child.ts';
import { replacing } from './replacing.ts';

/**
 * The beginning of a program that counts the calls of node:fs that the package makes, and dies at one of them: its
 * first argument is the number, its second the folder that `at(name)` is in.
 */
export const killer: string = `
  ${replacing}
  let left = Number(process.argv[1]);
  const calls = ['open', 'close', 'write', 'fsync', 'fstat', 'lstat', 'stat', 'readdir', 'mkdir', 'rmdir', 'rename', 'link', 'unlink', 'fchown', 'fchmod', 'read', 'readlink', 'symlink', 'ftruncate'];
  const counted = (call) => function (path, ...rest) {
    // What Node and this program do for themselves comes before it.
    if (armed && left-- === 0) process.kill(process.pid, 'SIGKILL');
    return call.call(this, path, ...rest);
  };
  let armed = false;
  for (const name of calls) for (const suffix of ['', 'Sync']) fs[name + suffix] = counted(fs[name + suffix]);
  for (const name in native) native[name] = counted(native[name]);
  syncBuiltinESMExports();
  const untorn = await import('untorn');
  const at = (name) => process.argv[2] + '/' + name;
  armed = true;
`;

/** Whether the program died so. Windows has no signals, only a status, which is that of a failure. */
export function wasKilled({ status, signal, stderr }: Ended): boolean {
  return signal === 'SIGKILL' || (process.platform === 'win32' && status === 1 && stderr === '');
}
