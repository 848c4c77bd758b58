/** A program that writes files with the built package, as often as it is told, and tells how each write ended. */
import type { WriteOptions } from 'untorn';
import { contents } from './contents.ts';
import { hear, idle, order, say } from './gate.ts';
import { ways, type Way } from './ways.ts';

/** What the program is told to do: to write, or just to let its event loop turn. */
export interface Task {
  readonly way: Way;
  readonly path: string;
  readonly content: keyof typeof contents;
  readonly options: WriteOptions;
  /** For the spoiler. */
  readonly order: string;
}

/** How a write ended. */
export interface Told {
  readonly notKept?: readonly string[];
  readonly error?: { readonly known: boolean; readonly code: string; readonly outcome: string; readonly message: string };
}

async function perform({ way, path, content, options, order: given }: Task): Promise<Told> {
  order(given);
  try {
    const result = await ways[way](path, contents[content], options);
    return { notKept: result?.notKept ?? [] };
  } catch (error) {
    const { name, code, outcome, message } = error as Error & { code: string; outcome: string };
    return { error: { known: name === 'WriteError', code, outcome, message } };
  } finally {
    // What is closed by another thread belongs to it.
    await idle();
    order('end');
  }
}

// A limit of the file size is an error then, and no end.
process.on('SIGXFSZ', () => undefined);
say(process.pid);
for (let line; (line = hear()) !== ''; ) {
  const task = JSON.parse(line) as Task | null;
  if (task === null) await idle();
  say(task === null ? null : await perform(task));
}
