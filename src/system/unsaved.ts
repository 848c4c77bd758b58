/** Values that an end of the process must not lose: they have been handed over and are not committed yet. */
import { writeSync } from 'node:fs';
import { whenProcessEnds } from './process-end.ts';

export interface Unsaved {
  /** The event loop has run empty: saving begins now, which keeps it alive. */
  start(): void;
  /** The process ends: saves at once. */
  saveNow(): void;
}

const all = new Set<Unsaved>();
let installed = false;
/** Whether the process had begun to end before a handler could be installed. */
let isTooLate = false;

/** Installs the handlers for later values: at the end of the process it is too late for that. */
export function prepareToSave(): void {
  if (installed) return;
  installed = true;
  isTooLate = Reflect.get(process, '_exiting') === true;
  install();
}

/** From now on it is saved before the process ends; at once, if the end had begun before. */
export function watch(unsaved: Unsaved): void {
  if (isTooLate) save(unsaved);
  else all.add(unsaved);
}

/** There is nothing to save any more. */
export function unwatch(unsaved: Unsaved): void {
  all.delete(unsaved);
}

function install(): void {
  process.on('beforeExit', () => {
    for (const unsaved of all) unsaved.start();
  });
  // After the program's own exit handlers: those may still hand something over.
  whenProcessEnds('save', () => {
    for (const unsaved of all) save(unsaved);
  });
}

function save(unsaved: Unsaved): void {
  all.delete(unsaved);
  try {
    unsaved.saveNow();
  } catch (error) {
    // No promise is awaited any more, and no stream is flushed.
    writeSync(2, `${String(error)}\n`);
    if (process.exitCode === undefined || process.exitCode === 0) process.exitCode = 1;
  }
}
