/** The manual pages and the completions of shells, from the table of commands from which the help is made. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { bashCompletion, fishCompletion, zshCompletion } from './completions.js';
import { commands, programExits, programOptions } from '../build/src/cli/commands.js';
import { groupsOf, purpose } from '../build/src/cli/help.js';

/** Writes all of them into `dist`. */
export function writeManual(version) {
  for (const folder of ['man', 'completions']) mkdirSync(`dist/${folder}`, { recursive: true });
  writeFileSync('dist/man/untorn.1', programPage(version));
  // Of "untorn help" the program's own page tells all.
  for (const command of commands.filter(({ options, description }) => options.length + description.length > 1))
    writeFileSync(`dist/man/untorn-${command.name}.1`, commandPage(command, version));
  writeFileSync('dist/completions/untorn.bash', bashCompletion(commands, programOptions));
  writeFileSync('dist/completions/_untorn', zshCompletion(commands, programOptions));
  writeFileSync('dist/completions/untorn.fish', fishCompletion(commands, programOptions));
}

function programPage(version) {
  return page('untorn', version, 'replace files whole or not at all', [
    [
      'SYNOPSIS',
      [...commands.map(({ synopsis }) => synopsis), 'untorn --version'].map((line) => `${escaped(line)}\n.br`),
    ],
    ['DESCRIPTION', [escaped(purpose)]],
    ['COMMANDS', commands.map(({ name, summary }) => term(`untorn ${name}`, summary))],
    ['OPTIONS', programOptions.map(optionTerm)],
    ['EXIT STATUS', programExits.map(([code, meaning]) => term(code, meaning))],
    ['ENVIRONMENT', [term('UNTORN_DEBUG=1', 'Show the stack of an error')]],
    ['SEE ALSO', ['untorn\\-write(1), and so on']],
  ]);
}

function commandPage({ name, synopsis, summary, description, options, exits, examples }, version) {
  return page(`untorn-${name}`, version, summary[0].toLowerCase() + summary.slice(1), [
    ['SYNOPSIS', [escaped(synopsis)]],
    ['DESCRIPTION', description.map((text, at) => (at === 0 ? '' : '.PP\n') + escaped(text))],
    [
      'OPTIONS',
      groupsOf(options).flatMap(([group, some], at) => [
        ...(at === 0 ? [] : [`.SS ${escaped(group)}`]),
        ...some.map(optionTerm),
      ]),
    ],
    ['EXIT STATUS', exits.map(([code, meaning]) => term(code, meaning))],
    ['EXAMPLES', examples.map((line) => `.PP\n.nf\n${escaped(line)}\n.fi`)],
    ['SEE ALSO', ['untorn(1)']],
  ]);
}

function page(name, version, about, sections) {
  const all = [['NAME', [`${escaped(name)} \\- ${escaped(about)}`]], ...sections].filter(
    ([, lines]) => lines.length > 0,
  );
  return `.TH ${escaped(name.toUpperCase())} 1 "" "untorn ${version}" ""\n${all.map(([title, lines]) => `.SH ${title}\n${lines.join('\n')}\n`).join('')}`;
}

function term(name, text) {
  return `.TP\n.B ${escaped(name)}\n${escaped(text)}`;
}

function optionTerm({ name, short, value, choices, help }) {
  return term(
    `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`,
    choices === undefined ? help : `${help} [${choices.join('|')}]`,
  );
}

/** Text as roff(7) takes it: nothing of it is a request, and a hyphen can be searched for and copied. */
function escaped(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '\\[u2026]')
    .replaceAll("'", '\\[aq]')
    .replace(/^\./, '\\&.');
}
