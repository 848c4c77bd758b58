/** What an end of the process must not lose: values that have been handed over and are not in place yet. */
import { writeSync } from 'node:fs';
import { whenProcessEnds } from './exit-cleanup.ts';

export interface Unsaved {
  /** The event loop has run empty: saving begins now, which keeps it alive. */
  start(): void;
  /** The process ends: saves at once. */
  saveNow(): void;
}

const all = new Set<Unsaved>();
let installed = false;

/** From now on it is saved before the process ends. */
export function watch(unsaved: Unsaved): void {
  if (!installed) install();
  all.add(unsaved);
}

/** There is nothing to save any more. */
export function unwatch(unsaved: Unsaved): void {
  all.delete(unsaved);
}

function install(): void {
  installed = true;
  process.on('beforeExit', () => {
    for (const unsaved of all) unsaved.start();
  });
  // Before the removal of temporary files, and after the program's own exit handlers: those may still hand something over.
  whenProcessEnds(() => {
    for (const unsaved of all) save(unsaved);
  });
}

function save(unsaved: Unsaved): void {
  all.delete(unsaved);
  try {
    unsaved.saveNow();
  } catch (error) {
    // No promise is heard any more, and no stream is flushed.
    writeSync(2, `${String(error)}\n`);
    if (process.exitCode === undefined || process.exitCode === 0) process.exitCode = 1;
  }
}
