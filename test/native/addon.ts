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
  readonly statuses: ArrayBuffer;
  chain(this: void, links: unknown, callback?: unknown): Outcome | undefined;
}

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
  return isThere ? {} : { skip: `there is no ${addonFile}: the build found no C compiler` };
}

export const withAddon: { skip?: string } = withAddonFor('linux');

export const addon: Addon = isThere
  ? (createRequire(import.meta.url)(addonFile) as Addon)
  : { operations: {}, statuses: new ArrayBuffer(0), chain: () => assert.fail('there is no native part') };

/** Links with the numbers of their operations. */
export function numbered(links: readonly Link[]): unknown[] {
  return links.map(([name, ...args]) => [addon.operations[name as string], ...args]);
}

export function atOnce(...links: Link[]): Outcome {
  const outcome = addon.chain(numbered(links));
  assert.ok(outcome !== undefined);
  return outcome;
}

export function inJob(...links: Link[]): Promise<Outcome> {
  return new Promise((done) => {
    assert.equal(addon.chain(numbered(links), done), undefined);
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

const record = 96;

/** The status with a number, of the latest outcome; names as those of fs.BigIntStats. */
export function statusAt(index: number): Record<string, bigint> {
  const numbers = [...new Float64Array(addon.statuses, index * record, 5)].map(BigInt);
  const times = new BigInt64Array(addon.statuses, index * record + 48, 6);
  const fields = ['mode', 'nlink', 'uid', 'gid', 'size', 'dev', 'ino', 'atimeNs', 'mtimeNs', 'ctimeNs', 'birthtimeNs'];
  const values = [...numbers, ...times];
  return Object.fromEntries(fields.map((field, at) => [field, values[at] as bigint]));
}
