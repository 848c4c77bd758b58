import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { updateFileSync, WriteError, type WriteOptions, type WriteResult } from 'untorn';
import { readSyncData } from '#untorn/contract/data.js';
import { readOptions } from '#untorn/files/settings.js';
import { updateTarget, type Change } from '#untorn/replace/locked.js';
import { replaceFile } from '#untorn/replace/replace-file.js';
import { Turn } from '#untorn/order/turn.js';
import { newLockedOperation, newOperation } from '#untorn/files/operation.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { environment } from '#untorn/system/environment.js';
import { givenPath } from '#untorn/system/paths.js';
import { runSync } from '#untorn/system/systems.js';
import type { Steps } from '#untorn/system/port.js';
import { leaveLock } from '../support/stale.ts';
import { Spoiler, type Fault } from './faulty-system.ts';

const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const oldContent = 'the old content';
const newContent = 'the old content, and more';

const change: Change = function* () {
  return { content: { kind: 'bytes', bytes: Buffer.from(newContent) } };
};

function* update(path: string, options: WriteOptions, blocking: boolean): Steps<unknown> {
  const operation = newLockedOperation(givenPath(path), readOptions(options), environment, blocking);
  const updated = yield* updateTarget(operation, new Turn(operation), change);
  if ('error' in updated) throw updated.error;
  return updated.result;
}

function* matching(path: string, options: WriteOptions, blocking: boolean): Steps<unknown> {
  const ifMatch = '5894430863bff50f9520bd7dc82042c8388241410c3c83bb022e3177a6dae9be';
  const operation = newOperation(
    givenPath(path),
    readOptions({ ...options, ifMatch: existsSync(path) ? ifMatch : 'absent' }),
    environment,
    blocking,
  );
  return yield* replaceFile(
    operation,
    new Turn(operation),
    readSyncData([newContent.slice(0, 5), newContent.slice(5)], 'utf8'),
  );
}

type Make = (path: string, options: WriteOptions, blocking: boolean) => Steps<unknown>;

const scenarios: Record<string, { make: Make; old: boolean; stale?: boolean; options?: WriteOptions }> = {
  'an update': { make: update, old: true },
  'an update that creates': { make: update, old: false },
  'an update that skips': { make: update, old: true, options: { ifUnchanged: 'skip', backup: 'simple' } },
  'an update that takes over': { make: update, old: true, stale: true },
  'a source with ifMatch': { make: matching, old: true },
};

const faults: Fault[] = [
  ...['EIO', 'ENOSPC', 'EINTR', 'EACCES', 'EPERM', 'EMFILE', 'ESTALE'].map((code) => ({ code })),
  { code: 'EIO', isMade: true },
  { short: () => 1 },
];

function prepare(old: boolean, stale: boolean): string {
  const folder = mkdtempSync(join(base, 'untorn-fault-'));
  if (old) {
    plainWrite(join(folder, 'file'), oldContent);
    chmodSync(join(folder, 'file'), 0o640);
  }
  if (stale) leaveLock(folder, 'file', { start: '1', lease: '10000' });
  return folder;
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

async function attempt(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return error;
  }
}

function check(folder: string, old: boolean, result: unknown, what: string): void {
  const path = join(folder, 'file');
  const content = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  const before = old ? oldContent : undefined;
  if (!(result instanceof Error)) assert.equal(content, newContent, what);
  else if (!WriteError.isWriteError(result)) assert.fail(`${what}: ${result.stack}`);
  else if (result.outcome === 'old') assert.equal(content, before, `${what}: ${result.message}`);
  else if (result.outcome === 'new') assert.equal(content, newContent, what);
  else assert.ok(content === before || content === newContent, what);
}

for (const [kind, blocking] of [
  ['asynchronous', false],
  ['synchronous', true],
] as const) {
  describe(
    `${kind} writes under a lock, with a fault at every call`,
    { skip: process.platform !== 'linux' && 'counts descriptors in /proc' },
    () => {
      for (const [name, { make, old, stale = false, options = {} }] of Object.entries(scenarios)) {
        it(`keep the old or the new content, tell which, and leave no lock: ${name} (G4, G8, G10)`, async () => {
          const run = (folder: string, spoiler: Spoiler): unknown => {
            const steps = make(
              join(folder, 'file'),
              { durability: 'normal', lock: { timeout: 2000 }, ...options },
              blocking,
            );
            return blocking ? runSync(steps, spoiler.sync) : runAsync(steps, spoiler.async, spoiler.sync);
          };
          const whole = new Spoiler();
          const model = prepare(old, stale);
          await run(model, whole);
          rmSync(model, { recursive: true });
          const open = openDescriptors();
          let trials = 0;
          for (const fault of faults) {
            for (let at = 0; at < whole.calls.length; at++) {
              const spoiler = new Spoiler(at, fault);
              const folder = prepare(old, stale);
              const result = await attempt(() => run(folder, spoiler));
              const what = `${JSON.stringify('code' in fault ? fault : 'short')} at call ${at} (${spoiler.calls[at]}) of ${spoiler.calls.join(' ')}`;
              if (spoiler.hit) trials++;
              check(folder, old, result, what);
              for (let turns = 0; openDescriptors() > open && turns < 10_000; turns++) await setTimeout(1);
              assert.ok(openDescriptors() <= open, `${what}: descriptors`);
              // Whatever failed, the lock is not held for ever: the next update succeeds.
              assert.equal(
                updateFileSync(join(folder, 'file'), () => 'next', { lock: { timeout: 5000 } }).bytes,
                4,
                what,
              );
              const left = readdirSync(folder).filter((one) => one.includes('untorn-'));
              assert.deepEqual(
                left,
                (result as WriteResult & WriteError).temporaryPath === undefined ? [] : left,
                `${what}: left`,
              );
              rmSync(folder, { recursive: true });
            }
          }
          assert.ok(trials >= whole.calls.length * 7, `only ${trials} faults were injected`);
        });
      }
    },
  );
}

describe('a lock that cannot be taken over', () => {
  for (const kind of ['is not renamed', 'is renamed, and nobody sees that'])
    it(`is an error at once if its entry ${kind} (G8)`, () => {
      const folder = prepare(true, true);
      const { sync } = new Spoiler();
      let isTried = false;
      // Its entry, also under the name that it has while its transaction is resolved.
      const isOfDead = (path: string | Buffer): boolean => String(path).includes('left0');
      const failing = {
        ...sync,
        rename: (from: string | Buffer, to: string | Buffer) => {
          if (!isOfDead(to)) return sync.rename(from, to);
          isTried = true;
          if (kind !== 'is not renamed') sync.rename(from, to);
          return fail();
        },
        lstat: (path: string | Buffer) =>
          isTried && kind !== 'is not renamed' && isOfDead(path) ? fail() : sync.lstat(path),
      };
      const options = { lock: { timeout: 3000 } };
      assert.throws(() => runSync(update(join(folder, 'file'), options, true), failing), {
        code: 'EIO',
        outcome: 'old',
      });
      assert.ok(isTried);
      // Nobody has it for ever.
      assert.equal(updateFileSync(join(folder, 'file'), () => 'next').bytes, 4);
      rmSync(folder, { recursive: true });
    });
});

describe('a lock that cannot be released', () => {
  it('is an error that says that the new content is in place, and does not stop the next call of the thread (G4, G8)', async () => {
    const folder = prepare(true, false);
    const { sync } = new Spoiler();
    const failing = {
      ...sync,
      rmdir: (path: string | Buffer) => (String(path).includes('untorn-lock') ? fail() : sync.rmdir(path)),
    };
    assert.throws(() => runSync(update(join(folder, 'file'), {}, true), failing), {
      code: 'EIO',
      outcome: 'new',
      step: 'unlock',
    });
    assert.equal(readFileSync(join(folder, 'file'), 'utf8'), newContent);
    runSync(update(join(folder, 'file'), {}, true), sync);
    assert.deepEqual(readdirSync(folder), ['file']);
    rmSync(folder, { recursive: true });
  });
});

function fail(): never {
  throw Object.assign(new Error('EIO: injected'), { code: 'EIO', syscall: 'rmdir' });
}
