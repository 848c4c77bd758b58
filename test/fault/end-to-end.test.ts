/**
 * The built package in processes of its own, of which one system call fails, or is the last.
 *
 * `npm test` runs a sample, `npm run test:faults` every call with every error.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reasonNotToTrace } from './tracing.ts';
import { Stage, scenarios, type Scenario } from './stage.ts';
import { Subject } from './traced.ts';
import { errorsOf, kill, runCommand, runLibrary, type Run, type Trial } from './trials.ts';
import type { Way } from './ways.ts';

const full = process.env['UNTORN_FAULTS'] === 'full';
let drawn = 0;

/** All trials, or some of each kind. */
function sample<T>(trials: readonly T[], some: number): T[] {
  const size = full ? trials.length : Math.min(some, trials.length);
  const offset = drawn++;
  return Array.from({ length: size }, (_, index) => trials[(Math.floor((index * trials.length) / size) + (full ? 0 : offset)) % trials.length] as T);
}

const counts = { errors: 0, kills: 0 };
const missed: string[] = [];

function naming({ call, fault }: Trial): string {
  return `${fault} at ${call.thread} ${call.name} ${call.nth}, ${call.text}`;
}

const withErrors = ({ calls }: Run, some: number): Trial[] => sample(calls.flatMap((call) => errorsOf(call).map((code) => ({ call, fault: `error=${code}` }))), some);
// A new program for each takes longer.
const withAnError = (model: Run): Trial[] => withErrors(model, 1);
const withKills = ({ calls }: Run): Trial[] => sample(calls.map((call) => ({ call, fault: kill })), 1);

/** Once more where another call or none was hit: how often the pool's thread wakes the loop up, which is a write(2) too, differs. */
async function untilSpoiled(trial: Trial, attempt: () => Promise<Run>): Promise<Run | undefined> {
  for (let times = 0; times < 10; times++) {
    const run = await attempt();
    if (run.spoiled) return run;
  }
  missed.push(naming(trial));
  return undefined;
}

/** One program writes again and again; each of its writes but the first is spoiled. */
async function failAgainAndAgain(way: Way, scenario: Scenario): Promise<number> {
  let trials = 0;
  const stage = new Stage(scenario);
  let subject = await Subject.library();
  try {
    // A first write loads what a second has.
    const again = async (): Promise<number> => {
      assert.equal((await runLibrary(subject, way, scenario, stage)).told?.error, undefined);
      stage.reset();
      return subject.quiet();
    };
    let open = await again();
    const model = await runLibrary(subject, way, scenario, stage);
    for (const trial of withErrors(model, 5)) {
      const what = naming(trial);
      const run = await untilSpoiled(trial, async () => {
        stage.reset();
        const run = await runLibrary(subject, way, scenario, stage, trial);
        if (run.told === undefined) {
          subject = await Subject.library();
          open = await again();
        }
        return run;
      });
      if (run?.told === undefined) continue;
      trials++;
      counts.errors++;
      stage.checkEnded(run.told, what, trial.call.name.startsWith('unlink'));
      // A close that the tracer kept from being made has closed nothing.
      const more = await subject.settled(open + (trial.call.name === 'close' ? 1 : 0));
      assert.ok(more <= 0, `${what}: ${more} more descriptors: ${subject.descriptors().join(' ')}`);
      open = subject.descriptors().length;
      stage.reset();
      const next = await subject.write({ way: 'writeFileSync', path: stage.path, content: 'next', options: {} });
      assert.deepEqual(next?.error, undefined, `${what}: the next write`);
      await subject.settled(open);
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
  const subject = await Subject.library();
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
    assert.ok(model.calls.length > 2, `only ${model.calls.length} calls were seen`);
    for (const trial of select(model)) {
      const what = naming(trial);
      const run = await untilSpoiled(trial, () => {
        stage.reset();
        return once(stage, trial);
      });
      if (run === undefined) continue;
      trials++;
      if (run.killed) {
        counts.kills++;
        stage.checkKilled(what);
      } else {
        counts.errors++;
        assert.ok(run.told, `${what}: it ended without a word`);
        stage.checkEnded(run.told, what, trial.call.name.startsWith('unlink'));
      }
    }
    return trials;
  } finally {
    stage.remove();
  }
}

const skip = reasonNotToTrace();
const unspoiled = 'keeps the old or the new content, tells which, and leaves nothing behind';

describe('a write of which one system call fails (G1, G2, G4, G6, G10)', { skip, concurrency: full ? 6 : 4 }, () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    for (const way of ['writeFile', 'writeFileSync', 'pending', 'stream'] as const) {
      shows(`${way} ${unspoiled}: ${name}`, () => failAgainAndAgain(way, scenario));
      shows(`${way} ${unspoiled}: ${name}, killed`, () => onceEach(scenario, inNewProgram(way, scenario), withKills));
    }
    const command: Once = (stage, trial) => runCommand(scenario, stage, trial);
    shows(`untorn write ${unspoiled}: ${name}`, () => onceEach(scenario, command, withAnError));
    shows(`untorn write ${unspoiled}: ${name}, killed`, () => onceEach(scenario, command, withKills));
  }
  for (const way of ['writeFile', 'writeFileSync'] as const) {
    shows(`${way} ${unspoiled}: the first write of a process`, () => onceEach(scenarios['overwriting']!, inNewProgram(way, scenarios['overwriting']!), withAnError));
  }
});

describe('the trials', { skip }, () => {
  it('hit what they were meant to hit', (t) => {
    const { errors, kills } = counts;
    t.diagnostic(`${errors + kills} trials: ${errors} errors, ${kills} kills; ${missed.length} calls could not be hit`);
    for (const trial of missed) t.diagnostic(`not hit: ${trial}`);
    assert.ok(missed.length <= (errors + kills) / 10, `${missed.length} missed`);
  });

  for (const way of ['inPlace', 'careless'] as const) {
    it(`catch a writer that works ${way === 'inPlace' ? 'in place' : 'without care'}`, async () => {
      await assert.rejects(onceEach(scenarios['overwriting']!, inNewProgram(way, scenarios['overwriting']!), ({ calls }) => calls.map((call) => ({ call, fault: kill }))));
    });
  }
});
