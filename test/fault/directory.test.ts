import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { replaceDirectorySync, sweepSync, WriteError } from 'untorn';
import { readOptions } from '#untorn/files/settings.js';
import { replaceTree, type TreeSource } from '#untorn/directory/swap.js';
import { newLockedOperation } from '#untorn/files/operation.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { givenPath } from '#untorn/system/paths.js';
import type { Steps } from '#untorn/system/port.js';
import { environment } from '#untorn/system/environment.js';
import { runSync } from '#untorn/system/systems.js';
import { needsNative } from '../support/native-part.ts';
import { Spoiler } from './faulty-system.ts';

const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

function fill(directory: string, content: string): void {
  mkdirSync(join(directory, 'sub'), { recursive: true });
  for (const name of ['a', 'sub/b']) writeFileSync(join(directory, name), content);
}

function contentOf(path: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const [a, b] = ['a', 'sub/b'].map((name) => readFileSync(join(path, name), 'utf8'));
  assert.equal(a, b);
  return a;
}

interface Scenario {
  readonly before: 'nothing' | 'link' | 'directory';
  readonly source: 'function' | 'ready';
}

const scenarios: readonly Scenario[] = [
  { before: 'nothing', source: 'ready' },
  { before: 'link', source: 'function' },
  { before: 'directory', source: 'function' },
  { before: 'directory', source: 'ready' },
];

function prepare({ before, source }: Scenario): string {
  const folder = mkdtempSync(join(base, 'untorn-fault-'));
  if (before === 'link') replaceDirectorySync(join(folder, 'site'), (directory) => fill(directory, 'old'));
  if (before === 'directory') fill(join(folder, 'site'), 'old');
  if (source === 'ready') fill(join(folder, 'next'), 'new');
  return folder;
}

function* replace(folder: string, { source }: Scenario, blocking: boolean, signal?: AbortSignal): Steps<unknown> {
  const operation = newLockedOperation(
    givenPath(join(folder, 'site')),
    readOptions({ lock: { timeout: 2000 }, signal }),
    environment,
    blocking,
  );
  const filling: TreeSource = {
    *fill(directory) {
      fill(String(directory), 'new');
      return {};
    },
  };
  const outcome = yield* replaceTree(operation, source === 'ready' ? { path: join(folder, 'next') } : filling, false);
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}

/** What must be true after a failure, or none. */
function check(folder: string, { before, source }: Scenario, error: unknown, what: string): void {
  const path = join(folder, 'site');
  const content = contentOf(path);
  const old = before === 'nothing' ? undefined : 'old';
  if (error === undefined) assert.equal(content, 'new', what);
  else if (!WriteError.isWriteError(error)) assert.fail(`${what}: ${(error as Error).stack}`);
  else
    assert.equal(
      content,
      error.outcome === 'new' ? 'new' : error.outcome === 'old' ? old : 'neither',
      `${what}: ${error.message}`,
    );
  const isOld = WriteError.isWriteError(error) && error.outcome === 'old';
  if (isOld && source === 'ready')
    assert.equal(contentOf(join(folder, 'next')), 'new', `${what}: what was ready is gone`);
  // Whatever failed, the lock is not held for ever.
  replaceDirectorySync(path, (directory) => fill(directory, 'next'), { durability: 'off', lock: { timeout: 5000 } });
  assert.equal(contentOf(path), 'next', what);
  const { removed, recoverable } = sweepSync(folder, { olderThan: 0 });
  const current = lstatSync(path).isSymbolicLink() ? readlinkSync(path) : '';
  const left = readdirSync(folder).filter((name) => !['site', 'next', current].includes(name));
  // This process is alive: what it could not remove stays until it ends.
  for (const name of left)
    assert.match(name, isOld ? /untorn-d-/ : /untorn-[dv]-/, `${what}: ${String([removed, recoverable])}`);
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

for (const [blocking, codes] of [
  [false, ['EIO']],
  [true, ['EIO', 'EACCES']],
] as const) {
  describe(
    `${blocking ? 'replaceDirectorySync' : 'replaceDirectory'}(), with a fault at every call`,
    { skip: process.platform !== 'linux' && 'counts descriptors in /proc' },
    () => {
      for (const scenario of scenarios) {
        it(`leaves the whole old or the whole new directory and tells which: ${scenario.before}, ${scenario.source} (G4, G9, G10)`, async (t) => {
          if (scenario.before === 'directory' && !needsNative(t)) return;
          const run = async (folder: string, spoiler: Spoiler): Promise<unknown> => {
            const steps = replace(folder, scenario, blocking);
            try {
              await (blocking ? runSync(steps, spoiler.sync) : runAsync(steps, spoiler.async, spoiler.sync));
              return undefined;
            } catch (error) {
              return error;
            }
          };
          const whole = new Spoiler();
          const model = prepare(scenario);
          assert.equal(await run(model, whole), undefined);
          rmSync(model, { recursive: true });
          const open = openDescriptors();
          let trials = 0;
          for (const code of codes) {
            for (let at = 0; at < whole.calls.length; at++) {
              const spoiler = new Spoiler(at, { code });
              const folder = prepare(scenario);
              const error = await run(folder, spoiler);
              const what = `${code} at call ${at} (${spoiler.calls[at]}) of ${spoiler.calls.join(' ')}`;
              if (spoiler.hit) trials++;
              check(folder, scenario, error, what);
              rmSync(folder, { recursive: true });
            }
          }
          for (let turns = 0; openDescriptors() > open && turns < 10_000; turns++) await new Promise(setImmediate);
          assert.ok(openDescriptors() <= open, `${openDescriptors() - open} descriptors are open`);
          assert.ok(trials >= (whole.calls.length - 1) * codes.length, `only ${trials} faults were injected`);
        });
      }
    },
  );
}

describe('replaceDirectory(), where the disk cannot be synced', () => {
  it('fails where a sync fails, before the old one has been touched, and does not sync again (G4)', async () => {
    const scenario: Scenario = { before: 'link', source: 'function' };
    const folder = prepare(scenario);
    const linked = readlinkSync(join(folder, 'site'));
    let failures = 0;
    const { sync } = new Spoiler();
    const fsync = (): never => {
      failures++;
      throw Object.assign(new Error('EIO: injected, fsync'), { code: 'EIO', errno: -5, syscall: 'fsync' });
    };
    assert.throws(() => runSync(replace(folder, scenario, true), { ...sync, fsync }), {
      code: 'EIO',
      outcome: 'old',
      step: 'sync',
    });
    assert.deepEqual(
      [
        failures > 0,
        readlinkSync(join(folder, 'site')),
        contentOf(join(folder, 'site')),
        readdirSync(folder).toSorted(),
      ],
      [true, linked, 'old', [linked, 'site'].toSorted()],
    );
    rmSync(folder, { recursive: true });
  });

  it('ends an aborted sync of many files soon (G4)', () => {
    const scenario: Scenario = { before: 'nothing', source: 'ready' };
    const folder = prepare(scenario);
    for (let index = 0; index < 100; index++) writeFileSync(join(folder, 'next', String(index)), 'new');
    const controller = new AbortController();
    let syncs = 0;
    const { sync } = new Spoiler();
    const fsync = (fd: number): void => {
      syncs++;
      controller.abort();
      sync.fsync(fd);
    };
    assert.throws(() => runSync(replace(folder, scenario, true, controller.signal), { ...sync, fsync }), {
      name: 'AbortError',
      outcome: 'old',
    });
    assert.ok(syncs < 20, `${syncs} syncs`);
    assert.deepEqual(readdirSync(folder), ['next']);
    rmSync(folder, { recursive: true });
  });
});
