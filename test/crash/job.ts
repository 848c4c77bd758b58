/**
 * One process of the test: records one program on one filesystem, then checks what power cuts leave. Writes its result
 * as JSON.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Checker } from './check.ts';
import { DirectoryChecker } from './check-directories.ts';
import { VerbChecker } from './check-verbs.ts';
import { directoryFeatures } from './directories.ts';
import { filesystems, tearsSuperblock } from './filesystems.ts';
import { progressAt } from './progress.ts';
import { readLog, type Recording } from './recording-log.ts';
import { logName, oldImage, record, type Setup } from './recording.ts';
import { Stand } from './stand.ts';
import { chooseCuts, findCuts, sampleStates, seeded } from './states.ts';
import { own, subjects, type Durability, type Feature } from './subjects.ts';
import { count, newTally, type Tally } from './tally.ts';
import { verbFeatures } from './verbs.ts';
import { makeWorkload, type Workload } from './workload.ts';

export interface Job {
  readonly filesystem: string;
  readonly subject: string;
  readonly durability: Durability;
  readonly rounds: number;
  readonly states: number;
  readonly seed: number;
}

export interface Result extends Omit<Job, 'states'>, Tally {
  readonly acknowledged: number;
  readonly writes: number;
  readonly flushes: number;
  readonly seconds: number;
}

async function run(job: Job, workshop: string): Promise<Result> {
  const begun = Date.now();
  const filesystem = filesystems[job.filesystem];
  const subject = subjects[job.subject];
  if (filesystem === undefined || subject === undefined) throw new Error(`Cannot run ${JSON.stringify(job)}`);
  const place = join(workshop, `${job.filesystem} ${job.subject} ${job.durability}`.replaceAll(' ', '-'));
  const setup = { workshop, place, filesystem };
  mkdirSync(place);
  const workload = makeWorkload(job.rounds, subject.features);
  await record(setup, job.subject, job.durability, workload, job.rounds);
  const recording = readLog(join(place, logName));
  const tally = await cutPower(setup, job, workload, recording);
  rmSync(place, { recursive: true });
  const { entries, writes } = recording;
  return {
    ...job,
    ...tally,
    acknowledged: marksOf(recording).filter((text) => text.startsWith('acknowledge')).length,
    writes: writes.length,
    flushes: entries.filter(({ kind }) => kind === 'flush').length,
    seconds: (Date.now() - begun) / 1000,
  };
}

function marksOf({ entries }: Recording): string[] {
  return entries.flatMap((entry) => (entry.kind === 'mark' ? [entry.text] : []));
}

async function cutPower(
  { workshop, place, filesystem }: Setup,
  job: Job,
  workload: Workload,
  recording: Recording,
): Promise<Tally> {
  const mounted = join(place, 'cut');
  mkdirSync(mounted);
  const stand = await Stand.start(join(workshop, 'stand'), filesystem, mounted, join(place, oldImage), false);
  stand.useLog(join(place, logName));
  const isAllOf = (features: readonly Feature[]): boolean =>
    workload.groups.flat().every(({ feature }) => features.includes(feature));
  const Kind = isAllOf(directoryFeatures) ? DirectoryChecker : isAllOf(verbFeatures) ? VerbChecker : Checker;
  const checker = new Kind(workload, job.durability, own[job.subject] !== undefined);
  const tally = newTally();
  const random = seeded(job.seed);
  const marks = marksOf(recording);
  const cuts = chooseCuts(findCuts(recording), job.states, random);
  let inBase = 0;
  for (const [at, cut] of cuts.entries()) {
    for (const write of recording.writes.slice(inBase, cut.covered)) stand.addToBase(write);
    inBase = cut.covered;
    const progress = progressAt(workload, marks.slice(0, cut.marks));
    const share = Math.max(1, Math.ceil((job.states - tally.states) / (cuts.length - at)));
    for (const parts of sampleStates(cut, recording.writes, share, random)) {
      stand.build(parts);
      tally.states++;
      const where = `${cut.covered} of ${cut.sent} writes flushed`;
      const answer = await stand.mount();
      if (answer === 'ok') {
        count(tally, checker.check(mounted, progress), where);
        await stand.unmount();
      } else if (tearsSuperblock(filesystem, parts)) tally.unmountable++;
      else count(tally, [{ kind: 'missing', path: 'everything', detail: answer }], where);
    }
  }
  await stand.end();
  return tally;
}

process.on('disconnect', () => process.exit(1));
const [job = '', workshop = ''] = process.argv.slice(2);
const result = await run(JSON.parse(job) as Job, workshop);
process.stdout.write(JSON.stringify(result), () => process.exit());
