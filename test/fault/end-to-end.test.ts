/**
 * The built package in processes of its own, of which one system call fails, does less than it was asked, or is the last.
 *
 * `npm test` runs a sample, `npm run test:faults` every call with every fault.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filesystemOf, note } from '../support/evidence.ts';
import { base, Stage, scenarios, type Scenario } from './stage.ts';
import { Subject, type Trial } from './spoiled.ts';
import { reasonNotToSpoil } from './spoiler.ts';
import { faultsOf, kill, runCommand, runLibrary, type Run } from './trials.ts';
import type { Way } from './ways.ts';

const full = process.env['UNTORN_FAULTS'] === 'full';
let drawn = 0;

/** All trials, or some of each kind. */
function sample<T>(trials: readonly T[], some: number): T[] {
  const size = full ? trials.length : Math.min(some, trials.length);
  const offset = full ? 0 : 7 * drawn++;
  return Array.from({ length: size }, (_, index) => trials[(Math.floor((index * trials.length) / size) + offset) % trials.length] as T);
}

const counts = { faults: 0, kills: 0 };
const missed: string[] = [];

const naming = ({ call, fault }: Trial): string => `${fault} at ${call.text} ${call.nth}`;
const withFaults = ({ calls }: Run, some: number): Trial[] => sample(calls.flatMap((call) => faultsOf(call).map((fault) => ({ call, fault }))), some);
// A new program for each takes longer.
const withAFault = (model: Run): Trial[] => withFaults(model, 2);
const withKills = ({ calls }: Run): Trial[] => sample(calls.map((call) => ({ call, fault: kill })), 2);
const undoing = ({ call }: Trial): boolean => call.text.startsWith('unlink');

/** Once more where the call was not made: what the end of a process leaves to the system differs. */
async function untilSpoiled(trial: Trial, attempt: (again: boolean) => Promise<Run>): Promise<Run | undefined> {
  for (let times = 0; times < 3; times++) {
    const run = await attempt(times > 0);
    if (run.spoiled) return run;
  }
  missed.push(naming(trial));
  return undefined;
}

/** One program writes again and again; each of its writes but the first is spoiled. */
async function failAgainAndAgain(way: Way, scenario: Scenario): Promise<number> {
  let trials = 0;
  const stage = new Stage(scenario);
  let subject = await Subject.start(stage.folder);
  let open = 0;
  // A first write loads what a second has.
  const begin = async (): Promise<Run> => {
    assert.equal((await runLibrary(subject, way, scenario, stage)).told?.error, undefined);
    stage.reset();
    const model = await runLibrary(subject, way, scenario, stage);
    open = subject.descriptors().length;
    return model;
  };
  try {
    const model = await begin();
    assert.ok(model.calls.length > 8, `only ${model.calls.length} calls were seen`);
    for (const trial of withFaults(model, 8)) {
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
        return runLibrary(subject, way, scenario, stage, trial);
      });
      if (run === undefined) continue;
      assert.ok(run.told, `${what}: it ended without a word`);
      trials++;
      counts.faults++;
      stage.checkEnded(run.told, what, undoing(trial));
      const more = await subject.settled(open);
      assert.ok(more <= 0, `${what}: ${more} more descriptors: ${subject.descriptors().join(' ')}`);
      stage.reset();
      const next = await subject.write({ way: 'writeFileSync', path: stage.path, content: 'next', options: {}, order: 'look' });
      assert.deepEqual(next?.error, undefined, `${what}: the next write`);
      subject.seen();
    }
    return trials;
  } finally {
    await subject.end();
    stage.remove();
  }
}

function shows(what: string, trials: () => Promise<number>): void {
  it(what, async (t) => t.diagnostic(`${await trials()} trials`));
}

type Once = (stage: Stage, trial?: Trial) => Promise<Run>;

const inNewProgram = (way: Way, scenario: Scenario): Once => async (stage, trial) => {
  const subject = await Subject.start(stage.folder);
  try {
    return await runLibrary(subject, way, scenario, stage, trial);
  } finally {
    await subject.end();
  }
};

/** Each trial is a program of its own, with its first write. */
async function onceEach(scenario: Scenario, once: Once, select: (model: Run) => Trial[]): Promise<number> {
  let trials = 0;
  const stage = new Stage(scenario);
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
        stage.checkKilled(what);
      } else {
        counts.faults++;
        assert.ok(run.told, `${what}: it ended without a word`);
        stage.checkEnded(run.told, what, undoing(trial));
      }
    }
    return trials;
  } finally {
    stage.remove();
  }
}

const skip = reasonNotToSpoil;
const unspoiled = 'keeps the old or the new content, tells which, and leaves nothing behind';

describe('a write of which one system call fails (G1, G2, G4, G6, G10)', { skip, concurrency: full ? 4 : 2 }, () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    for (const way of ['writeFile', 'writeFileSync', 'pending', 'stream'] as const) {
      shows(`${way} ${unspoiled}: ${name}`, () => failAgainAndAgain(way, scenario));
      shows(`${way} ${unspoiled}: ${name}, killed`, () => onceEach(scenario, inNewProgram(way, scenario), withKills));
    }
    for (const command of ['write', 'run'] as const) {
      const once: Once = (stage, trial) => runCommand(command, scenario, stage, trial);
      shows(`untorn ${command} ${unspoiled}: ${name}`, () => onceEach(scenario, once, withAFault));
      shows(`untorn ${command} ${unspoiled}: ${name}, killed`, () => onceEach(scenario, once, withKills));
    }
  }
  for (const way of ['writeFile', 'writeFileSync'] as const) {
    shows(`${way} ${unspoiled}: the first write of a process`, () => onceEach(scenarios['overwriting']!, inNewProgram(way, scenarios['overwriting']!), withAFault));
  }
});

describe('the trials', { skip }, () => {
  it('meet what they were meant to meet', (t) => {
    const { faults, kills } = counts;
    t.diagnostic(`${faults + kills} trials: ${faults} faults, ${kills} kills; ${missed.length} calls were not met`);
    assert.deepEqual(missed, []);
    const at = { filesystem: filesystemOf(base), durabilities: ['full'], violations: 0 } as const;
    note({ of: 'faults', guarantees: ['G1', 'G4', 'G6', 'G10'], count: faults, ...at });
    note({ of: 'kills', guarantees: ['G2', 'G6', 'G10'], count: kills, ...at });
  });

  for (const way of ['inPlace', 'careless'] as const) {
    it(`catch a writer that works ${way === 'inPlace' ? 'in place' : 'without care'}`, async () => {
      await assert.rejects(onceEach(scenarios['overwriting']!, inNewProgram(way, scenarios['overwriting']!), ({ calls }) => calls.map((call) => ({ call, fault: kill }))));
    });
  }

  it('catch a writer that does not look at how much was written', async () => {
    const scenario = scenarios['creating']!;
    const short = ({ calls }: Run): Trial[] => calls.filter(({ text }) => text.startsWith('write')).map((call) => ({ call, fault: 'fill=ENOSPC' }));
    await assert.rejects(onceEach(scenario, inNewProgram('careless', scenario), short), /torn: 1 bytes/);
  });
});
