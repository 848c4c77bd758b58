import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Syncs a file or a directory, as a shell's sync(1) does. */
export function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}
