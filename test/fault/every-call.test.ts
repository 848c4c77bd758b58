import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { WriteError, writeFileSync, type WriteOptions, type WriteResult } from 'untorn';
import { readSyncData, type Content } from '#untorn/contract/data.js';
import { readOptions, type Settings } from '#untorn/files/settings.js';
import { replaceFile } from '#untorn/replace/replace-file.js';
import { Turn } from '#untorn/order/turn.js';
import { newOperation } from '#untorn/files/operation.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { environment } from '#untorn/system/environment.js';
import { givenPath } from '#untorn/system/paths.js';
import { runSync } from '#untorn/system/systems.js';
import { filesystemOf, note } from '../support/evidence.ts';
import { Spoiler, type Fault } from './faulty-system.ts';

/** In memory where there is such a place: what a disk does is not asked here, and every trial syncs. */
const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const oldContent = 'the old content';
const newContent = 'the new content, which is a bit longer';

type Run = (path: string, options: Options, spoiler: Spoiler) => Promise<WriteResult>;

type Options = WriteOptions & { inPieces?: true };

function read(given: Options): { settings: Settings; content: Content } {
  const { inPieces, ...options } = given;
  const settings = readOptions(options);
  return {
    settings,
    content: readSyncData(inPieces ? [newContent.slice(0, 5), newContent.slice(5)] : newContent, 'utf8'),
  };
}

const drivers: Record<string, Run> = {
  asynchronous(path, options, spoiler) {
    const { settings, content } = read(options);
    const operation = newOperation(givenPath(path), settings, environment, false);
    return runAsync(replaceFile(operation, new Turn(operation), content), spoiler.async, spoiler.sync);
  },
  async synchronous(path, options, spoiler) {
    const { settings, content } = read(options);
    const operation = newOperation(givenPath(path), settings, environment, true);
    return runSync(replaceFile(operation, new Turn(operation), content), spoiler.sync);
  },
};

const codes = ['EIO', 'ENOSPC', 'EDQUOT', 'EINTR', 'EACCES', 'EPERM', 'EMFILE', 'EROFS', 'ESTALE'];
const shortCounts = [() => 0, () => 1, (asked: number) => asked - 1];
const faults: readonly Fault[] = [
  ...codes.map((code) => ({ code })),
  { code: 'EIO', isMade: true },
  ...shortCounts.map((short) => ({ short })),
];

const scenarios: Record<string, { options: Options; old: boolean }> = {
  'overwriting': { options: {}, old: true },
  'overwriting, normal': { options: { durability: 'normal' }, old: true },
  'overwriting, off': { options: { durability: 'off' }, old: true },
  'overwriting from an iterable': { options: { inPieces: true }, old: true },
  'creating': { options: {}, old: false },
  'creating with a mode': { options: { mode: 0o640 }, old: false },
  'creating only': { options: { overwrite: false }, old: false },
  'with a simple backup': { options: { backup: 'simple' }, old: true },
  'with numbered backups': { options: { backup: { numbered: 1 } }, old: true },
  'keeping times': { options: { preserve: { times: 'try' } }, old: true },
  'skipping unchanged': { options: { ifUnchanged: 'skip' }, old: true },
  'making parents': { options: { makeParents: true }, old: false },
};

/** At which steps a call can fail that is made at few. */
const steps: Partial<Record<string, readonly string[]>> = {
  mkdir: ['make parents'],
  write: ['write'],
  fchmod: ['set metadata'],
  futimes: ['set metadata'],
  fsync: ['sync', 'back up', 'sync directory'],
  close: ['close', 'back up'],
  link: ['back up', 'rename'],
  rename: ['back up', 'rename'],
};

interface Trial {
  readonly folder: string;
  readonly path: string;
}

function prepare(name: string, old: boolean): Trial {
  const folder = mkdtempSync(join(base, 'untorn-fault-'));
  const path = name === 'making parents' ? join(folder, 'a', 'b', 'file') : join(folder, 'file');
  if (old) {
    plainWrite(path, oldContent);
    chmodSync(path, 0o640);
  }
  return { folder, path };
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Some are closed by other threads, which may be kept waiting by a busy machine. */
async function closed(open: number, what: string): Promise<void> {
  for (let turns = 0; openDescriptors() > open && turns < 10_000; turns++) await setTimeout(1);
  assert.equal(openDescriptors(), open, `${what}: descriptors`);
}

async function attempt(run: Run, trial: Trial, options: Options, spoiler: Spoiler): Promise<unknown> {
  try {
    return await run(trial.path, options, spoiler);
  } catch (error) {
    return error;
  }
}

/** What must be true after a write whatever failed in it. */
function check(trial: Trial, old: boolean, result: unknown, what: string): void {
  const content = existsSync(trial.path) ? readFileSync(trial.path, 'utf8') : undefined;
  const before = old ? oldContent : undefined;
  if (result instanceof Error) {
    assert.ok(WriteError.isWriteError(result), `${what}: ${result.stack}`);
    if (result.outcome === 'old') assert.equal(content, before, what);
    else if (result.outcome === 'new') assert.equal(content, newContent, what);
    else assert.ok(content === before || content === newContent, what);
  } else {
    assert.equal(content, newContent, what);
  }
  const mode = (result as WriteResult).notKept?.includes('mode') ? 0o600 : 0o640;
  if (old) assert.equal(statSync(trial.path).mode & 0o777, mode, `${what}: mode`);
  const left = readdirSync(trial.folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('untorn-'),
  );
  assert.deepEqual(
    left,
    result instanceof WriteError && result.temporaryPath !== undefined ? left : [],
    `${what}: temporary files`,
  );
}

/** Aborts at a call. */
class Aborter extends Spoiler {
  readonly #controller = new AbortController();
  readonly #at: number;

  constructor(at: number) {
    super();
    this.#at = at;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  override next(...call: Parameters<Spoiler['next']>): ReturnType<Spoiler['next']> {
    if (this.calls.length === this.#at) this.#controller.abort();
    return super.next(...call);
  }
}

it('says at which step an abort was noticed', async () => {
  for (const [name, { options, old }] of Object.entries(scenarios)) {
    const noticed = new Set<string>();
    for (let at = 0; ; at++) {
      const aborter = new Aborter(at);
      const trial = prepare(name, old);
      const run = drivers['asynchronous'] as Run;
      const result = await attempt(run, trial, { ...options, signal: aborter.signal }, aborter);
      rmSync(trial.folder, { recursive: true });
      if (!aborter.signal.aborted) break;
      if (!WriteError.isWriteError(result)) continue;
      noticed.add(result.step);
      const begun = aborter.calls.slice(0, at).includes('write');
      if (begun) assert.notEqual(result.step, 'resolve', `${name}: at call ${at} of ${aborter.calls.join(' ')}`);
    }
    assert.ok(noticed.has('set metadata') || noticed.has('close'), `${name}: ${[...noticed].join(', ')}`);
  }
});

for (const [driver, run] of Object.entries(drivers)) {
  describe(
    `${driver} writeFile(), with a fault at every call`,
    { skip: process.platform !== 'linux' && 'counts descriptors in /proc' },
    () => {
      const open = openDescriptors();
      for (const [name, { options, old }] of Object.entries(scenarios)) {
        it(`keeps the old or the new content, tells which, and leaves nothing behind: ${name} (G1, G4, G10)`, async (t) => {
          const whole = new Spoiler();
          const model = prepare(name, old);
          await run(model.path, options, whole);
          rmSync(model.folder, { recursive: true });
          let trials = 0;
          for (const fault of faults) {
            for (let at = 0; at < whole.calls.length + 4; at++) {
              const spoiler = new Spoiler(at, fault);
              const trial = prepare(name, old);
              const result = await attempt(run, trial, options, spoiler);
              const what = `${JSON.stringify('code' in fault ? fault : fault.short(2))} at call ${at} (${spoiler.calls[at]}) of ${spoiler.calls.join(' ')}`;
              if (spoiler.hit) trials++;
              check(trial, old, result, what);
              const isIts =
                spoiler.hit && 'code' in fault && WriteError.isWriteError(result) && result.code === fault.code;
              const possible = steps[spoiler.calls[at] ?? ''];
              if (isIts && possible !== undefined) assert.ok(possible.includes(result.step), `${what}: ${result.step}`);
              await closed(open, what);
              writeFileSync(trial.path, 'next', { makeParents: true });
              assert.equal(readFileSync(trial.path, 'utf8'), 'next', `${what}: the next write`);
              rmSync(trial.folder, { recursive: true });
            }
          }
          const shortened = whole.calls.filter((call) => call === 'write' || call === 'writev').length;
          assert.ok(
            trials >= whole.calls.length * codes.length + shortened * shortCounts.length,
            `only ${trials} faults were injected`,
          );
          t.diagnostic(`${trials} trials`);
          note({
            of: 'faults',
            guarantees: ['G1', 'G4', 'G6', 'G10'],
            filesystem: filesystemOf(base),
            durabilities: [options.durability ?? 'full'],
            count: trials,
            violations: 0,
          });
        });
      }
    },
  );
}
