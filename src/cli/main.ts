#!/usr/bin/env node
/** The command `untorn`: finds the command in the table, loads it, and turns its end into an exit status. */
import { constants } from 'node:os';
import { commands } from './commands.ts';
import { codeFor, exitCode } from './exit-codes.ts';
import { Interrupted, UsageError } from './failures.ts';
import { tellError } from './messages.ts';
import { parse } from './parse.ts';
import type { CommandEntry } from './table.ts';

const [name, ...rest] = process.argv.slice(2);
const entry = commands.find((command) => command.name === name);
// Until it is known: a command whose end nobody hears of has not been done.
process.exitCode = codeFor('unknown', entry?.runsCommand === true);
// The package's file is CommonJS, which Node starts sooner, and knows no await out here.
void perform().catch((error: unknown) => fail(error, entry));

async function perform(): Promise<void> {
  process.exitCode = await (entry === undefined ? performWithout(name, rest) : performCommand(entry, rest));
}

async function performCommand(command: CommandEntry, given: readonly string[]): Promise<number> {
  const invocation = parse(command, given);
  if (invocation.flags.has('help')) return help([command.name]);
  const { perform } = await command.load();
  try {
    return await perform(invocation);
  } catch (error) {
    if (error instanceof UsageError) error.command ??= command.name;
    else if (invocation.flags.has('json') && !(error instanceof Interrupted)) {
      const { reportFailure } = await import('./report.ts');
      await reportFailure(error).catch(() => undefined);
    }
    throw error;
  }
}

async function performWithout(word: string | undefined, further: readonly string[]): Promise<number> {
  if (word === undefined) throw new UsageError('A command is missing');
  if (!['--help', '-h', '--version', '-V'].includes(word)) throw new UsageError(`"${word}" is not ${word.startsWith('-') ? 'an option' : 'a command'}`);
  if (further.length > 0) throw new UsageError(`${word} stands alone`);
  if (word === '--help' || word === '-h') return help([]);
  const { version } = await import('./version.ts');
  const { print } = await import('./output.ts');
  await print(`${version()}\n`);
  return 0;
}

async function help(operands: readonly string[]): Promise<number> {
  const { perform } = await import('./help.ts');
  return perform({ operands, command: [], flags: new Set(), values: new Map() });
}

async function fail(error: unknown, command: CommandEntry | undefined): Promise<void> {
  if (error instanceof Interrupted) {
    // As the first process of a container a signal of one's own has no effect; then the status has to say it.
    process.exitCode = 128 + constants.signals[error.signal];
    // Everything is put away; a listener would hear of it only when the event loop turns, and that may be over by then.
    process.removeAllListeners(error.signal);
    process.kill(process.pid, error.signal);
    return;
  }
  tellError(error);
  process.exitCode = exitCode(error, command?.runsCommand === true);
}
