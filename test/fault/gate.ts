/**
 * What a program says to those that watch it: on descriptor 3 what it did; on descriptor 4 it is told to go on, and
 * waits for that without an event loop, so that nothing else happens meanwhile. To the spoiler it speaks by asking for
 * files that there are not.
 */
import { accessSync, readSync, writeSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

export function say(value: unknown): void {
  writeSync(3, `${JSON.stringify(value)}\n`);
}

/** Waits for a line. */
export function hear(): string {
  const bytes = Buffer.alloc(2000);
  return bytes.toString('utf8', 0, readSync(4, bytes)).trimEnd();
}

/** What is to be done to the calls from now on; see spoil.c. */
export function order(text: string): void {
  try {
    accessSync(`/untorn-spoil/${text}`);
  } catch {
    // It does not exist.
  }
}

/** Lets the event loop turn, and the pool, which has one thread, do all that it was given before. */
export async function idle(): Promise<void> {
  for (let turns = 0; turns < 4; turns++) {
    await setImmediate();
    await access('/');
  }
}
