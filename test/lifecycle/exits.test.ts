/**
 * The end of the process by `process.exit()` or a signal, at every system call of every operation: nothing is left that
 * anybody would have to remove, and what is in place is whole.
 *
 * The spoiler (test/fault/spoil.c) interrupts the program at one call: before it, so that it is never made; while it is
 * being made beside the clean-up, as by a thread of the pool; or after it, when the program has not heard of it yet.
 * `npm test` takes a sample of these; `npm run test:exits` tries all.
 */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, it } from 'node:test';
import { DirectoryStage } from '../fault/directory-stage.ts';
import { SeveralStage } from '../fault/several-stage.ts';
import { Subject, type Call } from '../fault/spoiled.ts';
import { reasonNotToSpoil } from '../fault/spoiler.ts';
import { FileStage, scenarios, type Stage } from '../fault/stage.ts';
import { runLibrary } from '../fault/trials.ts';
import type { Way } from '../fault/ways.ts';

const full = process.env['UNTORN_EXITS'] === 'full';

/**
 * How the program is ended, and where its call stands then. An exit waits for the threads of the pool, and so for their
 * calls.
 */
const ends = [
  { how: 'before', by: 'SIGTERM' },
  { how: 'beside', by: 'SIGTERM' },
  { how: 'after', by: 'SIGTERM' },
  { how: 'beside', by: 'process.exit()' },
  { how: 'after', by: 'process.exit()' },
] as const;
type End = (typeof ends)[number];

const file = (scenario: keyof typeof scenarios, kind?: 'updated') => (): Stage =>
  new FileStage(scenarios[scenario], kind);

const operations: Record<string, [Way, () => Stage]> = {
  'writeFile() of a new file': ['writeFile', file('creating')],
  'writeFile() over a file': ['writeFile', file('overwriting')],
  'writeFile() that creates only': ['writeFile', file('creating only')],
  'writeFile() with a backup': ['writeFile', file('with a backup')],
  'writeFile() with numbered backups': ['writeFile', file('with numbered backups')],
  'writeFile() with ifMatch': ['matching', file('overwriting', 'updated')],
  'createWriteStream()': ['stream', file('overwriting')],
  'openPending() with a backup': ['pending', file('with a backup')],
  'atomicWrite()': ['block', file('overwriting')],
  'createWriter()': ['writer', file('overwriting')],
  'updateFile()': ['updateFile', file('overwriting', 'updated')],
  'updateJson()': ['updateJson', file('overwriting', 'updated')],
  'updateFileSync()': ['updateFileSync', file('overwriting', 'updated')],
  'writeFileSync() with a backup': ['writeFileSync', file('with a backup')],
  'transaction()': ['moveFiles', () => new SeveralStage('one')],
  'replaceDirectory() of a link by a directory that is ready': ['publish', () => new DirectoryStage('a link', 'ready')],
  'replaceDirectory() of a link by one that is filled': ['publishFilled', () => new DirectoryStage('a link', 'filled')],
  'replaceDirectory() of nothing': ['publishFilled', () => new DirectoryStage('nothing', 'filled')],
};

interface Trial {
  readonly call: Call;
  readonly end: End;
}

const naming = ({ call, end: { how, by } }: Trial): string => `${by} ${how} ${call.text} ${call.nth}`;

async function perform(
  way: Way,
  stage: Stage,
  trial?: Trial,
): Promise<{ calls: readonly Call[]; met: boolean; end: string }> {
  const subject = await Subject.start(stage.folder);
  let hangs = false;
  const patience = setTimeout(() => {
    hangs = true;
    process.kill(subject.pid, 'SIGKILL');
  }, 60_000);
  try {
    const signal = constants.signals[trial?.end.by === 'SIGTERM' ? 'SIGTERM' : 'SIGUSR2'];
    const { told, calls, spoiled } = await runLibrary(
      subject,
      way,
      stage,
      trial && { call: trial.call, fault: `${trial.end.how}=${signal}` },
    );
    if (told !== undefined) return { calls, met: spoiled, end: told.error?.message ?? 'it came to its end' };
    const { status, signal: by } = await subject.ended();
    return { calls, met: spoiled, end: hangs ? 'it hangs' : (by ?? `status ${status}`) };
  } finally {
    clearTimeout(patience);
    await subject.end();
  }
}

/** Some of each kind, other calls in each test, the same ones in each run of it. */
function sample(trials: readonly Trial[], seed: number): Trial[] {
  if (full) return [...trials];
  return ends.flatMap((end) => {
    const of = trials.filter((trial) => trial.end === end);
    return [0, 1].map((some) => of[(seed * 7 + Math.floor((some * of.length) / 2)) % of.length] as Trial);
  });
}

/** Ends the program once at each call; returns what was wrong. */
async function endAtEach(way: Way, stage: Stage, seed: number): Promise<{ wrong: string[]; trials: number }> {
  const wrong: string[] = [];
  try {
    const model = await perform(way, stage);
    assert.equal(model.end, 'it came to its end');
    const trials = sample(
      model.calls
        .filter(({ text }) => text.includes(stage.folder))
        .flatMap((call) => ends.map((end) => ({ call, end }))),
      seed,
    );
    for (const trial of trials) {
      const what = naming(trial);
      stage.reset();
      const { end, met } = await perform(way, stage, trial);
      if (!met) continue;
      try {
        // What comes in the last moments of the operation comes too late to interrupt it.
        if (end !== 'it came to its end') assert.equal(end, trial.end.by === 'SIGTERM' ? 'SIGTERM' : 'status 7', what);
        const state = stage.checkExited(what);
        if (way === 'writer') assert.equal(state, 'new', `${what}: what was accepted is lost`);
      } catch (error) {
        wrong.push((error as Error).message);
      }
    }
    return { wrong, trials: trials.length };
  } finally {
    stage.remove();
  }
}

describe('the end of the process at any call leaves nothing (G10)', { skip: reasonNotToSpoil, concurrency: 2 }, () => {
  Object.entries(operations).forEach(([name, [way, stage]], index) => {
    it(`of ${name}`, async (t) => {
      const { wrong, trials } = await endAtEach(way, stage(), index);
      t.diagnostic(`${trials} trials`);
      assert.deepEqual(wrong, []);
    });
  });
});
