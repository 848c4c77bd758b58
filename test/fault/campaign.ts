/**
 * Many trials of one call: as they are selected, by one program that makes it again and again, or by a program of its
 * own for each.
 *
 * `UNTORN_FAULTS=full` kills at every system call and tries every fault at each; `kills` tries every third fault,
 * spread over the calls; otherwise a sample of both.
 */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { it } from 'node:test';
import { filesystemOf, note } from '../support/evidence.ts';
import { base, type Stage } from './stage.ts';
import { Subject, type Trial } from './spoiled.ts';
import { faultsOf, kill, lateFaultsOf, runLibrary, type Run } from './trials.ts';
import type { Way } from './ways.ts';

const extent = process.env['UNTORN_FAULTS'];
/** Every way of a call, and every kill of each. */
export const full: boolean = extent === 'full' || extent === 'kills';
/** The name of the test that is run. */
const named = new AsyncLocalStorage<string>();

/** One in so many trials; without that, some of each kind: others in each test, the same ones in each run of it. */
function sample(trials: readonly Trial[], some: number, oneIn: number | undefined): Trial[] {
  if (oneIn !== undefined) return spread(trials, Math.ceil(trials.length / oneIn), 0);
  // Calls that are made at the same time are seen in any order.
  const ordered = trials.toSorted((one, other) => (orderName(one) < orderName(other) ? -1 : 1));
  return spread(ordered, Math.min(some, trials.length), numberOf(named.getStore() ?? ''));
}

function spread(trials: readonly Trial[], size: number, offset: number): Trial[] {
  return Array.from(
    { length: size },
    (_, index) => trials[(Math.floor((index * trials.length) / size) + offset) % trials.length] as Trial,
  );
}

const orderName = ({ call, fault }: Trial): string => `${call.text} ${call.nth} ${fault}`;

function numberOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE();
}

type Select = (model: Run) => Trial[];

const withFaults = ({ calls }: Run, some: number): Trial[] =>
  sample(
    calls.flatMap((call) => [...faultsOf(call), ...lateFaultsOf(call)].map((fault) => ({ call, fault }))),
    some,
    full ? (extent === 'full' ? 1 : 3) : undefined,
  );
// A new program for each takes longer.
export const withAFault: Select = (model) => withFaults(model, 2);
export const withKills: Select = ({ calls }) =>
  sample(
    calls.map((call) => ({ call, fault: kill })),
    2,
    full ? 1 : undefined,
  );

const naming = ({ call, fault }: Trial): string => `${fault} at ${call.text} ${call.nth}`;
const undoing = ({ call }: Trial): boolean => call.text.startsWith('unlink');

const counts = { faults: 0, kills: 0 };
const missed: string[] = [];

/** Once more where the call was not made: what the end of a process leaves to the system differs. */
async function untilSpoiled(trial: Trial, attempt: (again: boolean) => Promise<Run>): Promise<Run | undefined> {
  for (let times = 0; times < 3; times++) {
    const run = await attempt(times > 0);
    if (run.spoiled) return run;
  }
  missed.push(naming(trial));
  return undefined;
}

/** One program does it again and again; each time but the first a call is spoiled. */
export async function failAgainAndAgain(way: Way, stage: Stage, some = 8): Promise<number> {
  let trials = 0;
  let subject = await Subject.start(stage.folder);
  let open = 0;
  // A first time loads what a second has.
  const begin = async (): Promise<Run> => {
    assert.equal((await runLibrary(subject, way, stage)).told?.error, undefined);
    stage.reset();
    const model = await runLibrary(subject, way, stage);
    open = subject.descriptors().length;
    return model;
  };
  try {
    const model = await begin();
    assert.ok(model.calls.length > 8, `only ${model.calls.length} calls were seen`);
    for (const trial of withFaults(model, some)) {
      const what = naming(trial);
      const run = await untilSpoiled(trial, async (again) => {
        stage.reset();
        if (again) {
          // A program whose statx(2) was once refused calls stat(2) for ever (libuv).
          await subject.end();
          subject = await Subject.start(stage.folder);
          await begin();
          stage.reset();
        }
        return runLibrary(subject, way, stage, trial);
      });
      if (run === undefined) continue;
      assert.ok(run.told, `${what}: it ended without a word`);
      trials++;
      counts.faults++;
      await stage.checkEnded(run.told, what, undoing(trial), subject);
      const more = await subject.settled(open);
      assert.ok(more <= 0, `${what}: ${more} more descriptors: ${subject.descriptors().join(' ')}`);
      const next = await subject.perform({ ...stage.next, order: 'look' });
      assert.deepEqual(next?.error, undefined, `${what}: the next one`);
      subject.seen();
    }
    return trials;
  } finally {
    await subject.end();
    stage.remove();
  }
}

export function shows(what: string, trials: () => Promise<number>): void {
  it(what, async (t) => t.diagnostic(`${await named.run(what, trials)} trials`));
}

type Once<S extends Stage> = (stage: S, trial?: Trial) => Promise<Run>;

export const inNewProgram =
  (way: Way): Once<Stage> =>
  async (stage, trial) => {
    const subject = await Subject.start(stage.folder);
    try {
      return await runLibrary(subject, way, stage, trial);
    } finally {
      await subject.end();
    }
  };

/** Each trial is a program of its own, that does it for the first time. */
export async function onceEach<S extends Stage>(stage: S, once: Once<S>, select: Select): Promise<number> {
  let trials = 0;
  try {
    const model = await once(stage);
    assert.deepEqual(model.told?.error, undefined);
    for (const trial of select(model)) {
      const what = naming(trial);
      const run = await untilSpoiled(trial, () => {
        stage.reset();
        return once(stage, trial);
      });
      if (run === undefined) continue;
      trials++;
      if (trial.fault === kill) {
        counts.kills++;
        assert.equal(run.told, undefined, `${what}: it lives`);
        await stage.checkKilled(what);
      } else {
        counts.faults++;
        assert.ok(run.told, `${what}: it ended without a word`);
        await stage.checkEnded(run.told, what, undoing(trial));
      }
    }
    return trials;
  } finally {
    stage.remove();
  }
}

/** To be called last: says how many trials there were, and that none was left out. */
export function tellTrials(guarantees: Readonly<Record<'faults' | 'kills', readonly string[]>>): void {
  it('meet what they were meant to meet', (t) => {
    const { faults, kills } = counts;
    t.diagnostic(`${faults + kills} trials: ${faults} faults, ${kills} kills; ${missed.length} calls were not met`);
    assert.deepEqual(missed, []);
    for (const of of ['faults', 'kills'] as const)
      note({
        of,
        guarantees: guarantees[of],
        filesystem: filesystemOf(base),
        durabilities: ['full'],
        count: counts[of],
        violations: 0,
      });
  });
}
