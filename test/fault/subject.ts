/** A program that writes files with the built package, as often as it is told, and tells how each write ended. */
import { setImmediate } from 'node:timers/promises';
import type { WriteOptions } from 'untorn';
import { contents } from './contents.ts';
import { hear, mark, marks, say, sayThreads } from './gate.ts';
import { ways, type Way } from './ways.ts';

/** What the program is told to do: to write, or just to let its event loop turn. */
export interface Task {
  readonly way: Way;
  readonly path: string;
  readonly content: keyof typeof contents;
  readonly options: WriteOptions;
}

/** How a write ended. */
export interface Told {
  readonly notKept?: readonly string[];
  readonly error?: { readonly known: boolean; readonly code: string; readonly outcome: string; readonly message: string };
}

async function perform({ way, path, content, options }: Task): Promise<Told> {
  mark(marks.begin);
  try {
    const result = await ways[way](path, contents[content], options);
    mark(marks.end);
    return { notKept: result?.notKept ?? [] };
  } catch (error) {
    mark(marks.end);
    const { name, code, outcome, message } = error as Error & { code: string; outcome: string };
    return { error: { known: name === 'WriteError', code, outcome, message } };
  }
}

// A limit of the file size is an error then, and no end.
process.on('SIGXFSZ', () => undefined);
await sayThreads();
for (let line; (line = hear()) !== ''; ) {
  const task = JSON.parse(line) as Task | null;
  if (task !== null) say(await perform(task));
  for (let turns = 0; turns < 4; turns++) await setImmediate();
  if (task === null) say(null);
}
