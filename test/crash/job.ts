/** One process of the test: records one program on one filesystem, then checks what power cuts leave. Writes its result as JSON. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Checker, kinds, type Kind } from './check.ts';
import { filesystems } from './filesystems.ts';
import { progressAt } from './progress.ts';
import { readLog, type Recording } from './recording-log.ts';
import { logName, oldImage, record, type Setup } from './recording.ts';
import { Stand } from './stand.ts';
import { chooseCuts, findCuts, sampleStates, seeded } from './states.ts';
import { subjects, untorn, type Durability } from './subjects.ts';
import { makeWorkload, type Workload } from './workload.ts';

export interface Job {
  readonly filesystem: string;
  readonly subject: string;
  readonly durability: Durability;
  readonly rounds: number;
  readonly states: number;
  readonly seed: number;
}

export interface Result extends Job {
  readonly acknowledged: number;
  readonly writes: number;
  readonly flushes: number;
  readonly cuts: number;
  /** Different disks that were mounted. */
  readonly states: number;
  /** Of them, those with at least one violation of a kind. */
  readonly violations: Readonly<Record<Kind, number>>;
  /** Those with any. */
  readonly bad: number;
  /**
   * Disks that could not be mounted: the filesystem's own doing, whatever the programs on it do. ext4's superblock has two
   * sectors and one checksum, so that tearing it is enough.
   */
  readonly unmountable: number;
  readonly examples: readonly string[];
  readonly seconds: number;
}

async function run(job: Job, workshop: string): Promise<Result> {
  const begun = Date.now();
  const filesystem = filesystems[job.filesystem];
  const subject = subjects[job.subject];
  if (filesystem === undefined || subject === undefined) throw new Error(`Cannot run ${JSON.stringify(job)}`);
  const setup = { workshop, place: join(workshop, `${job.filesystem} ${job.subject} ${job.durability}`.replaceAll(' ', '-')), filesystem };
  mkdirSync(setup.place);
  const workload = makeWorkload(job.rounds, subject.features);
  await record(setup, job.subject, job.durability, workload, job.rounds);
  const recording = readLog(join(setup.place, logName));
  const checked = await checkStates(setup, job, workload, recording);
  rmSync(setup.place, { recursive: true });
  const { entries, writes } = recording;
  return {
    ...job,
    ...checked,
    acknowledged: entries.filter((entry) => entry.kind === 'mark' && entry.text.startsWith('acknowledge')).length,
    writes: writes.length,
    flushes: entries.filter(({ kind }) => kind === 'flush').length,
    seconds: (Date.now() - begun) / 1000,
  };
}

async function checkStates({ workshop, place, filesystem }: Setup, job: Job, workload: Workload, recording: Recording): Promise<Pick<Result, 'cuts' | 'states' | 'violations' | 'bad' | 'unmountable' | 'examples'>> {
  const mounted = join(place, 'cut');
  mkdirSync(mounted);
  const stand = await Stand.start(join(workshop, 'stand'), filesystem, mounted, join(place, oldImage), false);
  stand.useLog(join(place, logName));
  const checker = new Checker(workload, job.durability, job.subject === untorn);
  const random = seeded(job.seed);
  const marks = recording.entries.flatMap((entry) => (entry.kind === 'mark' ? [entry.text] : []));
  const cuts = chooseCuts(findCuts(recording), job.states, random);
  const violations = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>;
  const examples = new Set<string>();
  let [states, bad, unmountable, inBase] = [0, 0, 0, 0];
  for (const [at, cut] of cuts.entries()) {
    for (; inBase < cut.covered; inBase++) stand.addToBase(recording.writes[inBase] as Recording['writes'][number]);
    const progress = progressAt(workload, marks.slice(0, cut.marks));
    const count = Math.max(1, Math.ceil((job.states - states) / (cuts.length - at)));
    for (const parts of sampleStates(cut, recording.writes, count, random)) {
      stand.build(parts);
      states++;
      if ((await stand.mount()) !== 'ok') {
        unmountable++;
        continue;
      }
      const found = checker.check(mounted, progress);
      await stand.unmount();
      if (found.length === 0) continue;
      bad++;
      for (const kind of new Set(found.map((violation) => violation.kind))) {
        if (violations[kind]++ < 3) examples.add(`cut ${at} (${cut.covered} of ${cut.sent} writes flushed): ${found.filter((one) => one.kind === kind).slice(0, 2).map(({ path, detail }) => `${kind} ${path} (${detail})`).join('; ')}`);
      }
    }
  }
  await stand.end();
  return { cuts: cuts.length, states, violations, bad, unmountable, examples: [...examples] };
}

process.on('disconnect', () => process.exit(1));
const [job = '', workshop = ''] = process.argv.slice(2);
const result = await run(JSON.parse(job) as Job, workshop);
process.stdout.write(JSON.stringify(result), () => process.exit());
