/**
 * Removes the temporary files that are open when the process ends: at process.exit, an uncaught exception, or a signal
 * that the program does not handle itself.
 */
import { existsSync, unlinkSync } from 'node:fs';
import { onExit } from 'signal-exit';
import { signals } from 'signal-exit/signals';
import type { PathName } from '../path.ts';
import type { Guard } from './calls.ts';

class GuardedFile implements Guard {
  exists = false;
  readonly paths: readonly PathName[];

  constructor(paths: readonly PathName[]) {
    this.paths = paths;
  }

  opened(): void {
    this.exists = true;
  }

  release(): void {
    guarded.delete(this);
  }
}

const guarded = new Set<GuardedFile>();
let installed = false;

/** Puts a file on the list of those that are removed when the process ends. */
export function guard(reach: PathName, path: PathName): Guard {
  if (!installed) install();
  // Its directory may have been renamed, or its descriptor closed.
  const file = new GuardedFile([reach, path]);
  guarded.add(file);
  return file;
}

function install(): void {
  installed = true;
  // Last, so that what the program writes in its own exit handlers is cleaned up too.
  whenProcessEnds(removeAll, { alwaysLast: true });
  // Bun's exit event after an uncaught exception does not pass by what signal-exit watches.
  if (process.versions['bun'] !== undefined) process.on('exit', removeAll);
}

/** Calls back when the process ends, also by a signal that the program does not handle itself. */
export function whenProcessEnds(callback: () => void, options: { alwaysLast?: boolean } = {}): void {
  // Node ignores SIGXFSZ so that a write past RLIMIT_FSIZE fails with EFBIG. signal-exit would listen to it and end the
  // process instead. The list is this package's own copy of the dependency's, read when the first hook is installed.
  const position = signals.indexOf('SIGXFSZ');
  if (position !== -1) signals.splice(position, 1);
  onExit(callback, options);
}

function removeAll(): void {
  // Counted: a program may have stopped the clock, as tests do.
  let patience = 500;
  for (const file of guarded) {
    // The pool's threads go on while the process exits: a creation under way would come after its removal.
    while (!file.exists && !file.paths.some((path) => existsSync(path)) && patience-- > 0) pause(1);
    for (const path of file.paths) remove(path);
  }
  guarded.clear();
}

function remove(path: PathName): void {
  try {
    unlinkSync(path);
  } catch {
    // Renamed into place meanwhile, or never made; and nobody is left to hear of anything else. `sweep` finds what stays.
  }
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
