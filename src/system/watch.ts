/** Waiting for a change in a directory: inotify(7) through `fs.watch` on Linux, a fixed wait elsewhere. */
import { watch, type FSWatcher } from 'node:fs';
import type { PathName } from '../contract/index.ts';
import { byPathOnly, clearTimeout, setTimeout } from './globals.ts';
import type { Change, Done } from './port.ts';

/**
 * On Windows a watched directory cannot be renamed or removed; other systems and runtimes report changes late, or not
 * at all.
 */
const isAble = process.platform === 'linux' && !byPathOnly && process.versions['bun'] === undefined;
/** Milliseconds until a missing directory is looked for again. */
const shortest = 0.5;

/**
 * Waits until an entry of a directory, or the directory itself, is made, renamed or removed, and at most this many
 * milliseconds.
 */
export function waitForChange(directory: PathName, duration: number, done: Done<Change>): void {
  const watcher = isAble ? watchOf(directory) : 'unknown';
  if (typeof watcher === 'string') {
    setTimeout(done, watcher === 'changed' ? Math.min(shortest, duration) : duration, null, watcher);
    return;
  }
  const end = (change: Change): void => {
    clearTimeout(timer);
    watcher.removeAllListeners();
    watcher.close();
    done(null, change);
  };
  const timer = setTimeout(end, duration, 'none');
  watcher.once('change', () => end('changed')).once('error', () => end('unknown'));
}

/**
 * It may have been removed already. There may be no watch, as when there are too many
 * (`fs.inotify.max_user_instances`).
 */
function watchOf(directory: PathName): FSWatcher | Change {
  try {
    return watch(directory as string, { persistent: false });
  } catch (error) {
    return (error as { code?: unknown }).code === 'ENOENT' ? 'changed' : 'unknown';
  }
}
