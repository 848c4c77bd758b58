/** A call that builds on what is there, after writes that nobody awaits: none of them is lost without an error. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { appendFile, appendFileSync, updateFile, updateFileSync, writeFile, writeFiles } from 'untorn';
import { newFolder } from '../support/folder.ts';
import { secondsToTry, untilTimeIsOver } from '../support/random-programs.ts';

const seconds = secondsToTry(6);

interface Call<Kind> {
  readonly kind: Kind;
  readonly by: (typeof paths)[number];
  readonly durability: 'full' | 'off';
  /** How often the event loop turns before the next call. */
  readonly turns: number;
}

type Perform = (path: string, line: string, options: { durability: 'full' | 'off' }) => unknown;

const paths = ['inside/file', 'inside/file', 'alias/file', 'link', 'inside/../alias/./file'] as const;

async function* slowly(line: string): AsyncGenerator<string> {
  for (let turn = 0; turn < 10; turn++) await setImmediate();
  yield line;
}

const writes = {
  write: (path, line, options) => writeFile(path, line, options),
  'write an array': (path, line, options) => writeFile(path, [...line], options),
  'write slowly': (path, line, options) => writeFile(path, slowly(line), options),
  'write with others': (path, line, options) =>
    writeFiles(
      Array.from({ length: 33 }, (_, at) => ({ path: at === 7 ? path : `${path}.${at}`, data: at === 7 ? line : 'x' })),
      options,
    ),
} satisfies Record<string, Perform>;

const builders = {
  update: (path, line, options) => updateFile(path, (old) => `${String(old)}${line}`, options),
  append: (path, line, options) => appendFile(path, line, options),
  updateSync: (path, line, options) => updateFileSync(path, (old) => `${String(old)}${line}`, options),
  appendSync: (path, line, options) => appendFileSync(path, line, options),
} satisfies Record<string, Perform>;

function callOf<Kind extends string>(kinds: Readonly<Record<Kind, Perform>>): fc.Arbitrary<Call<Kind>> {
  return fc.record({
    kind: fc.constantFrom(...(Object.keys(kinds) as Kind[])),
    by: fc.constantFrom(...paths),
    durability: fc.constantFrom('off', 'off', 'full'),
    turns: fc.nat(4),
  }) as fc.Arbitrary<Call<Kind>>;
}

const overtaken = 'ERR_UNTORN_OVERTAKEN';

/** The codes of an error, or of those that it stands for. */
function codesOf(error: unknown): string[] {
  return error instanceof AggregateError
    ? error.errors.flatMap(codesOf)
    : [String((error as NodeJS.ErrnoException).code)];
}

async function run(
  folder: string,
  earlier: readonly Call<keyof typeof writes>[],
  last: Call<keyof typeof builders>,
): Promise<void> {
  rmSync(join(folder, 'inside'), { recursive: true, force: true });
  mkdirSync(join(folder, 'inside'));
  writeFileSync(join(folder, 'inside', 'file'), 'old\n');
  const made: Promise<unknown>[] = [];
  for (const [at, { kind, by, durability, turns }] of earlier.entries()) {
    const call = Promise.resolve((writes[kind] as Perform)(join(folder, by), `${at}\n`, { durability }));
    call.catch(() => undefined); // It may fail before all are looked at.
    made.push(call);
    for (let turn = 0; turn < turns; turn++) await setImmediate();
  }
  const build = builders[last.kind] as Perform;
  const built = new Promise((resolve) =>
    resolve(build(join(folder, last.by), 'built\n', { durability: last.durability })),
  );
  const [[end], ends] = await Promise.all([Promise.allSettled([built]), Promise.allSettled(made)]);
  // A blocking call refuses to go ahead of one that it knows.
  if (end?.status === 'rejected') assert.deepEqual(codesOf(end.reason), ['ERR_LOCK_DEADLOCK']);
  for (const one of ends) if (one.status === 'rejected') assert.deepEqual(codesOf(one.reason), [overtaken]);
  const written = ends.findLastIndex(({ status }) => status === 'fulfilled');
  const expected = `${written === -1 ? 'old' : written}\n${end?.status === 'fulfilled' ? 'built\n' : ''}`;
  assert.equal(readFileSync(join(folder, 'inside', 'file'), 'utf8'), expected);
}

it('builds on the last write that succeeds, and the others fail or were replaced by that one (G7, G8)', async (t) => {
  const folder = newFolder(t);
  symlinkSync('inside', join(folder, 'alias'));
  symlinkSync('inside/file', join(folder, 'link'));
  let running = Promise.resolve();
  const earlier = fc.array(callOf(writes), { minLength: 1, maxLength: 4 });
  const property = fc.asyncProperty(earlier, callOf(builders), (all, last) => (running = run(folder, all, last)));
  await fc.assert(property, untilTimeIsOver(t, seconds));
  // The time limit does not end it.
  await running;
});
