/** A program that writes files with the built package, as often as it is told, and tells how each time it ended. */
import { exitStatus } from './ending.ts';
import type { WriteOptions } from 'untorn';
import { contents } from './contents.ts';
import { hear, idle, order, say } from './gate.ts';
import { NotFilled } from './ways-of-several.ts';
import { ways, type Way } from './ways.ts';

/** What the program is told to do. */
export interface Task {
  readonly way: Way;
  readonly path: string;
  readonly content: keyof typeof contents;
  readonly options: WriteOptions;
  /** For the spoiler. */
  readonly order: string;
}

/** How it ended. */
export interface Told {
  readonly notKept?: readonly string[];
  /** A directory that could not be removed. */
  readonly oldPath?: string | undefined;
  readonly error?: {
    readonly known: boolean;
    readonly code: string;
    readonly outcome: string;
    readonly message: string;
  };
}

async function perform({ way, path, content, options, order: given }: Task): Promise<Told> {
  order(given);
  try {
    const result = await ways[way](path, contents[content], options);
    return { notKept: result?.notKept ?? [], oldPath: result?.oldPath };
  } catch (error) {
    if (error instanceof NotFilled) return { error: { known: true, code: '', outcome: 'old', message: error.message } };
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
process.on('SIGUSR2', () => process.exit(exitStatus));

say(process.pid);
for (let line; (line = hear()) !== '';) {
  const task = JSON.parse(line) as Task | null;
  if (task === null) await idle();
  say(task === null ? null : await perform(task));
}
