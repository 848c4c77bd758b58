/** Messages on standard error: one line each, which begins with the program's name. */
import { writeSync } from 'node:fs';
import { hints, WriteError } from '../contract/index.ts';
import { UsageError } from './failures.ts';
import { printable } from './printable.ts';

/** Prints a line on standard error. If that fails, nobody is there to read it. */
export function tell(text: string): void {
  printError(`untorn: ${printable(text.replaceAll('\n', ' '))}\n`);
}

/** Prints on standard error. A failure does not matter. */
export function printError(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Standard error is closed, full or gone: the exit status says what matters.
  }
}

/** Prints a thrown error, without its stack unless UNTORN_DEBUG asks for it. */
export function tellError(error: unknown): void {
  if (process.env['UNTORN_DEBUG'] === '1' && error instanceof Error) {
    printError(`${(error.stack ?? '').split('\n').map(printable).join('\n')}\n`);
    return;
  }
  const hint =
    error instanceof UsageError
      ? `; try "untorn ${error.command === undefined || error.command === 'help' ? '' : `${error.command} `}--help"`
      : '';
  tell(wordsFor(error) + hint);
}

const ownHints = {
  mount:
    'if it is mounted by itself, as in a container, mount its directory instead, or write into it with "untorn write --in-place-fallback"',
  parents: '--make-parents makes the directory',
  force: 'nothing is changed',
};

/** The words for an error. */
export function wordsFor(error: unknown): string {
  if (!WriteError.isWriteError(error)) return error instanceof Error ? error.message : String(error);
  // The library's hint names its own functions and options.
  const hint = (Object.keys(ownHints) as (keyof typeof ownHints)[]).find((name) =>
    error.message.endsWith(`; ${hints[name]}`),
  );
  return hint === undefined ? error.message : error.message.slice(0, -hints[hint].length) + ownHints[hint];
}
