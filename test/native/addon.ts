/** The native part, as its tests load it. `UNTORN_NATIVE` names another file of it, such as one with sanitizers. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';

/** The name of an operation, then its arguments. */
export type Link = readonly unknown[];

/** The errno of the link that failed, or 0; then the results of the links before it. */
export type Outcome = readonly [errno: number, ...results: unknown[]];

interface Addon {
  readonly operations: Readonly<Record<string, number>>;
  readonly outcome: ArrayBuffer;
  chain(this: void, ...callbackAndLinks: unknown[]): readonly Buffer[] | undefined;
}

type Chain = (links: readonly Link[], callback?: (outcome: Outcome) => void) => Outcome | undefined;

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

export const addonFile: string = resolve(
  process.env['UNTORN_NATIVE'] ?? join('dist', `v${version}`, `${process.platform}-${process.arch}.node`),
);

/** What programs for this processor are run by, such as qemu-aarch64. */
export const emulator: readonly string[] = (process.env['UNTORN_NATIVE_EMULATOR'] ?? '')
  .split(' ')
  .filter((part) => part !== '');

const isThere = existsSync(addonFile);

/** For a suite: it is skipped where there is no native part for this platform. */
export function withAddonFor(platform: string): { skip?: string } {
  if (process.platform !== platform)
    return { skip: `these operations are for ${platform}, this is ${process.platform}` };
  if (process.env['UNTORN_NATIVE'] === 'off') return { skip: 'the native part is off: UNTORN_NATIVE' };
  return isThere ? {} : { skip: `there is no ${addonFile}: the build found no C compiler` };
}

export const withAddon: { skip?: string } = withAddonFor('linux');

export const addon: Addon = isThere
  ? (createRequire(import.meta.url)(addonFile) as Addon)
  : { operations: {}, outcome: new ArrayBuffer(0), chain: () => assert.fail('there is no native part') };

/** Links as the native part takes them, of links with the names of their operations. */
export function flat(...links: readonly Link[]): unknown[] {
  return links.flatMap(([name, first, second, third]) => [addon.operations[name as string], first, second, third]);
}

/**
 * Chains with an array for each link, and with one for the outcome. It knows nothing outside it, since other threads and
 * programs get its source.
 */
export function inArrays({ chain, operations, outcome }: Addon): Chain {
  const numbers = new Float64Array(outcome);
  const withNumber = new Set(['open', 'write', 'statfs', 'getflags', 'getproject', 'getxflags']);
  const withBytes = new Set(['listxattr', 'getxattr']);
  const told = (links: readonly Link[], bytes: readonly Buffer[] = []): Outcome => {
    const left = [...bytes];
    const results = links.slice(0, numbers[0]).map((link, index) => {
      const name = link[0] as string;
      const number = numbers[2 + index];
      if (withBytes.has(name)) return number === 0 ? Buffer.alloc(0) : left.shift();
      return withNumber.has(name) ? number : undefined;
    });
    return [numbers[1] as number, ...results];
  };
  return (links, callback) => {
    const values = links.flatMap(([name, a, b, c]) => [operations[name as string], a, b, c]);
    if (callback === undefined) return told(links, chain(undefined, ...values));
    chain((bytes: readonly Buffer[] | undefined) => callback(told(links, bytes)), ...values);
    return undefined;
  };
}

const chain = inArrays(addon);

export function atOnce(...links: Link[]): Outcome {
  return chain(links) as Outcome;
}

export function inJob(...links: Link[]): Promise<Outcome> {
  return new Promise((done) => {
    assert.equal(chain(links, done), undefined);
  });
}

/** Both ways to perform a chain. */
export const ways = [
  { name: 'at once', perform: async (...links: Link[]) => atOnce(...links) },
  { name: 'in a job', perform: inJob },
] as const;

/** The first of several names for a number: ENOTSUP rather than EOPNOTSUPP. */
const names = new Map(
  Object.entries(constants.errno)
    .map(([name, number]) => [number as number, name] as const)
    .toReversed(),
);

/** The name of the error that stopped a chain. */
export function codeOf([errno]: Outcome): string {
  return errno === 0 ? 'none' : (names.get(errno) ?? String(errno));
}

/** The results of a chain that was expected to succeed. */
export function resultsOf(outcome: Outcome): unknown[] {
  assert.equal(codeOf(outcome), 'none');
  return outcome.slice(1);
}

/** Where the statuses are, and how long each is. */
const statuses = (2 + 256) * 8;
const record = 12 * 8;

/** The status with a number, of the latest outcome; names as those of fs.BigIntStats. */
export function statusAt(index: number): Record<string, bigint> {
  const numbers = [...new Float64Array(addon.outcome, statuses + index * record, 5)].map(BigInt);
  const times = new BigInt64Array(addon.outcome, statuses + index * record + 48, 6);
  const fields = ['mode', 'nlink', 'uid', 'gid', 'size', 'dev', 'ino', 'atimeNs', 'mtimeNs', 'ctimeNs', 'birthtimeNs'];
  const values = [...numbers, ...times];
  return Object.fromEntries(fields.map((field, at) => [field, values[at] as bigint]));
}
