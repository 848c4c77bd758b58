import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findUnsafe, lineOf, type Found, type Source } from './adopt/graph.ts';
import { installedIn, type Manifest } from './adopt/node-modules.ts';
import { lockedByNpm } from './adopt/npm-lock.ts';
import { overridesFor, type Overrides } from './adopt/overrides.ts';
import { lockedByPnpm, lockedByYarn } from './adopt/text-lock.ts';
import type { Invocation } from './arguments/table.ts';
import { exits } from './exit-codes.ts';
import { Failure, reasonOf } from './failures.ts';
import { print } from './output.ts';
import { printable } from './printable.ts';
import { printJson } from './report.ts';

/** The exit status if there are packages that write files unsafely. */
const exitFound = 9;

/** `untorn adopt [DIR]` */
export async function perform({ operands: [directory = '.'], flags }: Invocation): Promise<number> {
  const source = sourceIn(directory);
  const found = findUnsafe(source);
  const overrides = overridesFor(found);
  if (flags.has('json')) await printJson(asJson(source.name, found, overrides));
  else await print(printableLines(report(source.name, found, overrides)));
  return found.length === 0 ? exits.done : exitFound;
}

/** What is installed says more than a lockfile, and is the same for every package manager. */
function sourceIn(directory: string): Source<string> {
  const locks: readonly (readonly [string, (name: string, text: string) => Source<string>])[] = [
    ['npm-shrinkwrap.json', lockedByNpm],
    ['package-lock.json', lockedByNpm],
    ['pnpm-lock.yaml', lockedByPnpm],
    ['yarn.lock', (name, text) => lockedByYarn(name, text, manifestIn(directory))],
  ];
  try {
    const installed = existsSync(directory) ? installedIn(directory) : undefined;
    if (installed !== undefined) return installed;
  } catch (error) {
    throw new Failure(`Cannot read "${directory}": ${reasonOf(error)}`, { cause: error });
  }
  const [name, read] = locks.find(([file]) => existsSync(join(directory, file))) ?? [];
  if (name === undefined || read === undefined)
    throw new Failure(`There is neither node_modules nor a lockfile in "${directory}"`);
  try {
    return read(name, readFileSync(join(directory, name), 'utf8'));
  } catch (error) {
    throw new Failure(`Cannot read "${join(directory, name)}": ${reasonOf(error)}`, { cause: error });
  }
}

function manifestIn(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
}

function report(where: string, found: readonly Found[], overrides: Overrides): string[] {
  if (found.length === 0) return [`No package in ${where} is known to write files unsafely`];
  const lines = found.flatMap((one) => [`${one.name} ${one.version}: ${noteOn(one)}`, ...waysTo(one)]);
  if (Object.keys(overrides.npm).length === 0) return lines;
  return [...lines, '', ...blocks(overrides), ...ownNames(found)];
}

function noteOn({ dropIn, bundled, name }: Found): string {
  if (bundled) return 'it came in the archive of another package, so that no override reaches it';
  return dropIn?.fault ?? `this version has another interface than the drop-in; a newer ${name} has one`;
}

function waysTo({ direct, through }: Found): string[] {
  return [...(direct ? ['  in package.json'] : []), ...through.map((way) => `  by ${lineOf(way)}`)];
}

/** For each package manager. */
function blocks({ npm, pnpm, yarn }: Overrides): string[] {
  const asText = (value: unknown): string[] => JSON.stringify(value, null, 2).split('\n');
  return [
    'npm, in package.json:',
    ...asText({ overrides: npm }),
    '',
    'pnpm, in pnpm-workspace.yaml (before pnpm 10: as "pnpm": { "overrides": … } in package.json):',
    'overrides:',
    ...Object.entries(pnpm).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`),
    '',
    'yarn, in package.json:',
    ...asText({ resolutions: yarn }),
    '',
    'Then install anew. docs/drop-ins.md of untorn says what the drop-ins do otherwise.',
  ];
}

/** npm refuses an override of what package.json itself asks for in another version. */
function ownNames(found: readonly Found[]): string[] {
  const names = found.filter(({ direct, dropIn }) => direct && dropIn !== undefined).map(({ name }) => name);
  return names.map((name) => `package.json itself asks for ${name}: give it the same value there.`);
}

function printableLines(lines: readonly string[]): string {
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function asJson(source: string, found: readonly Found[], { npm, pnpm, yarn }: Overrides): unknown {
  return {
    source,
    packages: found.map(({ name, version, dropIn, bundled, direct, through }) => ({
      name,
      version,
      dropIn: dropIn === undefined || bundled ? null : dropIn.replacement,
      bundled,
      direct,
      through,
    })),
    npm: { overrides: npm },
    pnpm: { overrides: pnpm },
    yarn: { resolutions: yarn },
  };
}
