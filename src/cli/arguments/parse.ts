/** Reads a command line by its entry in the table. */
import { parseArgs } from 'node:util';
import { UsageError } from '../failures.ts';
import { guess } from './guess.ts';
import type { CommandEntry, Invocation, OptionEntry } from './table.ts';

/** Reads what follows the name of a command. */
export function parse(entry: CommandEntry, given: readonly string[]): Invocation {
  try {
    return read(entry, given);
  } catch (error) {
    if (error instanceof UsageError) error.command = entry.name;
    throw error;
  }
}

function read(entry: CommandEntry, given: readonly string[]): Invocation {
  const separator = entry.runsCommand === true ? given.indexOf('--') : -1;
  const own = separator === -1 ? given : given.slice(0, separator);
  const command = separator === -1 ? [] : given.slice(separator + 1);
  const noCommand = 'The command to run is missing; put it after "--"';
  // Without the "--" the command's own options would be taken for ours, and the message would be about them.
  if (entry.runsCommand === true && separator === -1 && !own.includes('--help') && !own.includes('-h'))
    throw new UsageError(noCommand);
  const { operands, flags, values } = readOptions(entry.options, own);
  if (!flags.has('help')) {
    checkOperands(entry, operands);
    if (entry.runsCommand === true && command.length === 0) throw new UsageError(noCommand);
  }
  return { operands, command, flags, values };
}

function readOptions(options: readonly OptionEntry[], given: readonly string[]): Omit<Invocation, 'command'> {
  const types = Object.fromEntries(
    options.map(({ name, short, value }) => {
      const type = value === undefined ? ('boolean' as const) : ('string' as const);
      return [name, { type, multiple: value !== undefined, ...(short !== undefined && { short }) }];
    }),
  );
  const { values, positionals } = parseOrExplain(
    options.map(({ name }) => `--${name}`),
    () => parseArgs({ args: [...given], options: types, allowPositionals: true }),
  );
  const flags = new Set<string>();
  const texts = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(values)) {
    if (Array.isArray(value)) texts.set(name, value.map(String));
    else if (value === true) flags.add(name);
  }
  for (const option of options) check(option, texts.get(option.name) ?? []);
  return { operands: positionals, flags, values: texts };
}

function parseOrExplain<T>(names: readonly string[], parsing: () => T): T {
  try {
    return parsing();
  } catch (error) {
    throw new UsageError(explained(error as NodeJS.ErrnoException, names), { cause: error });
  }
}

/** Translates Node's message about a wrong option into ours. */
function explained({ message, code }: NodeJS.ErrnoException, names: readonly string[]): string {
  const option = /'(?:-\w, )?(--?[^' ]+)/.exec(message)?.[1];
  if (option !== undefined && code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION')
    return `"${option}" is not an option${guess(option, names)}`;
  if (option !== undefined && code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
    if (message.includes('does not take')) return `${option} takes no value`;
    const hint = message.includes('ambiguous') ? `; for a value that begins with "-" write "${option}=VALUE"` : '';
    return `${option} needs a value${hint}`;
  }
  // The first sentence says what is wrong, the second how JavaScript programs deal with it.
  const [first = ''] = message.split(/\. |\n/);
  return first.replaceAll("'", '"').replace(/\.$/, '');
}

function check({ name, choices, multiple }: OptionEntry, values: readonly string[]): void {
  if (values.length > 1 && multiple !== true) throw new UsageError(`--${name} is given more than once`);
  for (const value of values) {
    if (choices?.includes(value) === false) {
      const allowed = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
      throw new UsageError(`--${name} must be ${allowed}, not "${value}"${guess(value, choices)}`);
    }
  }
}

function checkOperands({ operands: { names, repeated, optional } }: CommandEntry, operands: readonly string[]): void {
  const missing = names[operands.length];
  if (missing !== undefined && optional !== true) throw new UsageError(`${missing} is missing`);
  const extra = operands[names.length];
  if (extra !== undefined && repeated !== true)
    throw new UsageError(`"${extra}" is too many: one ${names.at(-1)} is expected`);
  for (const operand of operands) {
    if (operand === '') throw new UsageError(`${names[0]} is empty`);
    if (operand === '-')
      throw new UsageError(`"-" does not mean standard input or output here; a file of that name is "./-"`);
  }
}

/** The value of an option that can be given once. */
export function valueOf({ values }: Invocation, name: string): string | undefined {
  return values.get(name)?.[0];
}
