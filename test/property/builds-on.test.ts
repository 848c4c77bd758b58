/** Calls that build on what is there, among others for the same file that nobody awaits, see all that came before. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { appendFile, updateFile, withLock, writeFile, writeFiles } from 'untorn';
import { newFolder } from '../support/folder.ts';

const seconds = Number(process.env['UNTORN_PROPERTY_SECONDS'] ?? 6);
const seed = Number(process.env['UNTORN_PROPERTY_SEED'] ?? Date.now() % 0x7fffffff);

interface Call {
  readonly kind: keyof typeof calls;
  readonly by: (typeof paths)[number];
  readonly durability: 'full' | 'off';
  /** How often the event loop turns before the next call. */
  readonly turns: number;
}

type Perform = (path: string, line: string, options: Pick<Call, 'durability'>) => Promise<unknown>;

const paths = ['inside/file', 'alias/file', 'link', 'inside/../alias/./file'] as const;

async function* slowly(line: string): AsyncGenerator<string> {
  for (let turn = 0; turn < 10; turn++) await setImmediate();
  yield line;
}

const calls = {
  write: (path, line, options) => writeFile(path, line, options),
  'write an array': (path, line, options) => writeFile(path, [...line], options),
  'write slowly': (path, line, options) => writeFile(path, slowly(line), options),
  'write with others': (path, line, options) =>
    writeFiles(
      Array.from({ length: 33 }, (_, at) => ({ path: at === 7 ? path : `${path}.${at}`, data: at === 7 ? line : 'x' })),
      options,
    ),
  lock: (path) => withLock(path, () => setImmediate()),
  update: (path, line, options) => updateFile(path, (old) => `${String(old)}${line}`, options),
  'update slowly': (path, line, options) => updateFile(path, (old) => slowly(`${String(old)}${line}`), options),
  append: (path, line, options) => appendFile(path, line, options),
} satisfies Record<string, Perform>;

/** What the file has at the end if the calls are made one after the other. */
function content(program: readonly Call[]): string {
  return program.reduce((old, { kind }, at) => {
    if (kind === 'lock') return old;
    return kind.startsWith('write') ? `${at}\n` : `${old}${at}\n`;
  }, 'old\n');
}

async function run(folder: string, program: readonly Call[]): Promise<void> {
  rmSync(join(folder, 'inside'), { recursive: true, force: true });
  mkdirSync(join(folder, 'inside'));
  writeFileSync(join(folder, 'inside', 'file'), 'old\n');
  const made: Promise<unknown>[] = [];
  for (const [at, { kind, by, durability, turns }] of program.entries()) {
    made.push((calls[kind] as Perform)(join(folder, by), `${at}\n`, { durability }));
    for (let turn = 0; turn < turns; turn++) await setImmediate();
  }
  await Promise.all(made);
  assert.equal(readFileSync(join(folder, 'inside', 'file'), 'utf8'), content(program));
}

it('leave what the calls would leave one after the other (G7, G8)', async (t) => {
  const folder = newFolder(t);
  symlinkSync('inside', join(folder, 'alias'));
  symlinkSync('inside/file', join(folder, 'link'));
  t.diagnostic(`UNTORN_PROPERTY_SEED=${seed}`);
  const call = fc.record({
    kind: fc.constantFrom(...(Object.keys(calls) as Call['kind'][])),
    by: fc.constantFrom(...paths),
    durability: fc.constantFrom('off', 'off', 'full'),
    turns: fc.nat(4),
  }) as fc.Arbitrary<Call>;
  let running = Promise.resolve();
  const program = fc.array(call, { minLength: 2, maxLength: 6 });
  const property = fc.asyncProperty(program, (made) => (running = run(folder, made)));
  await fc.assert(property, {
    seed,
    numRuns: 1_000_000,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
    includeErrorInReport: true,
  });
  // The time limit does not end it.
  await running;
});
