/** Prints help, from the table. */
import { commands, programExits, programOptions } from './commands.ts';
import { UsageError } from './failures.ts';
import { guess } from './arguments/guess.ts';
import { print } from './output.ts';
import type { CommandEntry, Invocation, OptionEntry } from './arguments/table.ts';

const width = 80;
/** The purpose of the program. */
export const purpose: string =
  'untorn replaces a file so that every reader and every crash finds the whole old content or the whole new content, and nothing else.';

/** `untorn help [COMMAND]` */
export async function perform({ operands: [name], flags }: Invocation): Promise<number> {
  const entry = commands.find((command) => command.name === name);
  if (name !== undefined && entry === undefined)
    throw new UsageError(
      `"${name}" is not a command${guess(
        name,
        commands.map((command) => command.name),
      )}`,
    );
  const isShort = flags.has('short');
  await print(entry === undefined ? programHelp(isShort) : commandHelp(entry, isShort));
  return 0;
}

/** Help for the whole program. */
export function programHelp(isShort: boolean): string {
  if (isShort)
    return page([
      section('Commands', columns(commands.map(({ name, summary }) => [name, summary]))),
      ['"untorn COMMAND -h" shows the options of a command, "untorn --help" more.'],
    ]);
  return page([
    wrap(purpose),
    section('Usage', commands.map(({ synopsis }) => synopsis).concat('untorn --version')),
    section('Commands', columns(commands.map(({ name, summary }) => [name, summary]))),
    section('Options', columns(programOptions.map(described))),
    section(
      'Exit codes',
      columns(programExits).concat(
        '',
        ...wrap('"untorn run" and "untorn edit" have the exit status of their command; see "untorn help run".', 2),
      ),
    ),
    section('Environment', columns([['UNTORN_DEBUG=1', 'Show the stack of an error']])),
    ['"untorn help COMMAND" shows the options of a command.'],
  ]);
}

/** Help for one command. */
export function commandHelp(
  { name, synopsis, summary, description, options, exits, examples }: CommandEntry,
  isShort: boolean,
): string {
  if (isShort)
    return page([
      [`Usage: ${synopsis}`],
      wrap(`${summary}.`),
      section('Options', columns(options.map(inShort))),
      [`"untorn help ${name}" shows more.`],
    ]);
  return page([
    [`Usage: ${synopsis}`],
    wrap(`${summary}.`),
    ...description.map((paragraph) => wrap(paragraph)),
    ...groupsOf(options).map(([group, some]) => section(group, columns(some.map(described)))),
    section('Exit codes', columns(exits)),
    section('Examples', examples),
  ]);
}

/** The options under their headings, in the order of the table. */
export function groupsOf(options: readonly OptionEntry[]): [string, OptionEntry[]][] {
  const groups = new Map<string, OptionEntry[]>();
  for (const option of options)
    groups.set(option.group ?? 'Options', [...(groups.get(option.group ?? 'Options') ?? []), option]);
  return [...groups];
}

/** The first sentence of an option's help. */
export function shortHelp({ help }: OptionEntry): string {
  return help.split(/[:;]| \(/)[0] ?? '';
}

function inShort(option: OptionEntry): [string, string] {
  return [described(option)[0], shortHelp(option)];
}

function described({ name, short, value, choices, help }: OptionEntry): [string, string] {
  const label = `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
  return [label, choices === undefined ? help : `${help} [${choices.join('|')}]`];
}

function page(parts: readonly (readonly string[])[]): string {
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0
    ? []
    : [`${title}:`, ...lines.map((line) => (line === '' || line.startsWith('  ') ? line : `  ${line}`))];
}

/** Terms and their descriptions side by side. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const indent = Math.min(Math.max(...rows.map(([term]) => term.length)), 30) + 4;
  return rows.flatMap(([term, text]) => {
    const lines = wrap(text, indent);
    const label = `  ${term}`;
    return label.length < indent
      ? [label.padEnd(indent) + (lines[0] ?? '').trimStart(), ...lines.slice(1)]
      : [label, ...lines];
  });
}

function wrap(text: string, indent = 0): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => ' '.repeat(indent) + each);
}
