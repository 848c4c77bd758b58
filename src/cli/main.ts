#!/usr/bin/env node
/** The command `untorn`: finds the command in the table, loads it, and turns its result into an exit status. */
import { constants } from 'node:os';
import { commands } from './commands.ts';
import { codeFor, exitCode } from './exit-codes.ts';
import { Interrupted, Unheard, UsageError } from './failures.ts';
import { guess } from './arguments/guess.ts';
import { tell, tellError } from './messages.ts';
import { parse } from './arguments/parse.ts';
import type { CommandEntry } from './arguments/table.ts';

const given = process.argv.slice(2);
const [name, ...rest] = given;
const entry = commands.find((command) => command.name === name);
// Until the result is known: a command whose end is never reported has not been done.
process.exitCode = codeFor('unknown', entry?.runsCommand === true);
// The package's file is CommonJS, which Node starts sooner, and has no top-level await.
void perform().catch((error: unknown) => fail(error, entry));

async function perform(): Promise<void> {
  process.exitCode = await (entry === undefined ? performWithout(name, rest) : performCommand(entry, rest));
}

async function performCommand(command: CommandEntry, given: readonly string[]): Promise<number> {
  const invocation = parse(command, given);
  if (invocation.flags.has('help')) return help([command.name], given);
  // Instead of Node's own listener, which gives it another form.
  process.removeAllListeners('warning');
  if (!invocation.flags.has('quiet')) process.on('warning', ({ message }) => tell(`Warning: ${message}`));
  const { perform } = await command.load();
  try {
    return await perform(invocation);
  } catch (error) {
    if (error instanceof UsageError) error.command ??= command.name;
    throw error;
  }
}

async function performWithout(word: string | undefined, further: readonly string[]): Promise<number> {
  if (word === undefined) throw new UsageError('A command is missing');
  if (!['--help', '-h', '--version', '-V'].includes(word)) throw unknownWord(word);
  if (further.length > 0) throw new UsageError(`${word} takes no arguments`);
  if (word === '--help' || word === '-h') return help([], [word]);
  const { version } = await import('./version.ts');
  const { print } = await import('./output.ts');
  await print(`${version()}\n`);
  return 0;
}

function unknownWord(word: string): UsageError {
  if (word.startsWith('-')) return new UsageError(`"${word}" is not an option${guess(word, ['--help', '--version'])}`);
  return new UsageError(
    `"${word}" is not a command${guess(
      word,
      commands.map(({ name }) => name),
    )}`,
  );
}

/** Short for -h: a user who knows the command looks for an option. */
async function help(operands: readonly string[], asked: readonly string[]): Promise<number> {
  const { perform } = await import('./help.ts');
  return perform({
    operands,
    command: [],
    flags: new Set(asked.includes('--help') ? [] : ['short']),
    values: new Map(),
  });
}

/** Whether failures are reported as JSON, wrong usage too. */
function wantsJson(): boolean {
  const end = entry?.runsCommand === true ? given.indexOf('--') : -1;
  return given.slice(0, end === -1 ? given.length : end).includes('--json');
}

async function fail(error: unknown, command: CommandEntry | undefined): Promise<void> {
  if (error instanceof Interrupted) {
    // The first process of a container is not ended by a signal that it sends itself; the status has to say it.
    process.exitCode = 128 + constants.signals[error.signal];
    // Everything is cleaned up. A listener would run only when the event loop turns, and the process may have ended by
    // then.
    process.removeAllListeners(error.signal);
    process.kill(process.pid, error.signal);
    return;
  }
  tellError(error);
  // If the work is done, or the report itself failed, there is nothing more to print.
  if (wantsJson() && !(error instanceof Unheard)) {
    const { reportFailure } = await import('./report.ts');
    await reportFailure(error).catch(() => undefined);
  }
  process.exitCode = exitCode(error, command?.runsCommand === true);
}
