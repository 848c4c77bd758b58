import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import * as untorn from 'untorn';
import { newFolder } from '../support/folder.ts';
import { secondsToTry, untilTimeIsOver } from '../support/random-programs.ts';

const seconds = secondsToTry(6);

interface Call {
  readonly kind: keyof typeof calls;
  readonly by: 'path' | 'alias';
  readonly durability: 'full' | 'normal' | 'off';
  /** How often the event loop turns before the next call. */
  readonly turns: number;
}

type Perform = (from: string, to: string, content: string, options: Pick<Call, 'durability'>) => unknown;

const calls = {
  writeFile: (_, to, content, options) => untorn.writeFile(to, content, options),
  source: (_, to, content, options) => untorn.writeFile(to, [...content], options),
  copyFile: (from, to, _, options) => untorn.copyFile(from, to, options),
  rename: (from, to, _, options) => untorn.rename(from, to, options),
  remove: (_, to, __, options) => untorn.remove(to, { ...options, force: true }),
  symlink: (from, to, _, options) => untorn.symlink(from, to, options),
  writeFileSync: (_, to, content, options) => untorn.writeFileSync(to, content, options),
  copyFileSync: (from, to, _, options) => untorn.copyFileSync(from, to, options),
  renameSync: (from, to, _, options) => untorn.renameSync(from, to, options),
  removeSync: (_, to, __, options) => untorn.removeSync(to, { ...options, force: true }),
} satisfies Record<string, Perform>;

/** Calls of some kinds, by the path of the file or also by another one, of which the last is not to be lost. */
function programs(kinds: readonly Call['kind'][], by: readonly Call['by'][]): fc.Arbitrary<Call[]> {
  const call = fc.record({
    kind: fc.constantFrom(...kinds),
    by: fc.constantFrom(...by),
    durability: fc.constantFrom('off', 'off', 'normal', 'full'),
    turns: fc.nat(4),
  }) as fc.Arbitrary<Call>;
  return fc.array(call, { minLength: 2, maxLength: 5 });
}

async function run(folder: string, program: readonly Call[]): Promise<void> {
  const inside = join(folder, 'inside');
  rmSync(inside, { recursive: true, force: true });
  mkdirSync(inside);
  const source = (at: number): string => join(inside, `source ${at}`);
  for (const at of program.keys()) writeFileSync(source(at), `${at}`);
  const made: Promise<unknown>[] = [];
  for (const [at, { kind, by, durability, turns }] of program.entries()) {
    const to = join(folder, by === 'path' ? 'inside' : 'alias', 'file');
    const perform = calls[kind] as Perform;
    // At once, and a failure at once is one later.
    const call = new Promise((resolve) => resolve(perform(source(at), to, `${at}`, { durability })));
    call.catch(() => undefined); // It may fail before all are looked at.
    made.push(call);
    for (let turn = 0; turn < turns; turn++) await setImmediate();
  }
  const last = program.length - 1;
  const [end] = (await Promise.allSettled(made)).slice(-1) as [PromiseSettledResult<unknown>];
  if (end.status === 'rejected') assert.equal((end.reason as { code: string }).code, 'ERR_LOCK_DEADLOCK');
  else if (program[last]?.kind.startsWith('remove')) assert.equal(existsSync(join(inside, 'file')), false);
  else assert.equal(readFileSync(join(inside, 'file'), 'utf8'), `${last}`);
}

describe('calls for one file that nobody awaits', () => {
  const { symlink: _, ...others } = calls;
  const kinds = Object.keys(others) as Call['kind'][];
  for (const [what, some] of [
    ['of the functions that set a name or its content, by two paths', programs(kinds, ['path', 'path', 'alias'])],
    ['that make links of it, write it or copy to it', programs(['writeFile', 'copyFile', 'symlink'], ['path'])],
  ] as const)
    it(`the last one wins: ${what} (G7)`, async (t) => {
      const folder = newFolder(t);
      symlinkSync('inside', join(folder, 'alias'));
      const property = fc.asyncProperty(some, (program) => run(folder, program));
      await fc.assert(property, untilTimeIsOver(t, seconds));
    });
});
