import { lstatSync } from 'node:fs';
import type { PathName } from '../contract/index.ts';
import { byPathOnly } from './random.ts';

let procDescriptors: boolean | undefined;

/** Whether `/proc/self/fd` exists; a chroot may lack it. */
function hasProcDescriptors(): boolean {
  if (process.platform !== 'linux' || byPathOnly) return false;
  try {
    return lstatSync('/proc/self/fd').isDirectory();
  } catch {
    return false; // No /proc: directories are then reached by their paths.
  }
}

/**
 * A path through which an open directory is reached even after it is renamed; its own path if there is no such path.
 */
export function accessPath(directory: number, path: PathName): PathName {
  procDescriptors ??= hasProcDescriptors();
  return procDescriptors ? `/proc/self/fd/${directory}` : path;
}
