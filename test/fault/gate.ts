/**
 * Where a program waits so that a tracer can be attached to one of its threads.
 *
 * It says on descriptor 3 which threads work (Node's own, and the only one of the pool), and what it did; on descriptor 4 it
 * is told to go on. It waits there without an event loop, so that nothing else happens meanwhile.
 */
import { accessSync, readSync, writeSync } from 'node:fs';
import { readlink } from 'node:fs/promises';

/** What separates the calls of a write from all else: looks at files that do not exist. */
export const marks = { begin: '/untorn-begin', end: '/untorn-end' } as const;

/** The threads of a process that make system calls. */
export type Thread = 'main' | 'pool';

export function say(value: unknown): void {
  writeSync(3, `${JSON.stringify(value)}\n`);
}

/** Waits for a line. */
export function hear(): string {
  const bytes = Buffer.alloc(1000);
  return bytes.toString('utf8', 0, readSync(4, bytes)).trimEnd();
}

export function mark(path: string): void {
  try {
    accessSync(path);
  } catch {
    // It does not exist.
  }
}

/** Tells who works here; with UV_THREADPOOL_SIZE=1 the pool's thread is the one that is asked. */
export async function sayThreads(): Promise<void> {
  const pool = Number((await readlink('/proc/thread-self')).split('/').at(-1));
  say({ main: process.pid, pool });
}
