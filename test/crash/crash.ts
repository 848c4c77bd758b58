/**
 * `npm run test:crash`: what a power cut leaves.
 *
 *     npm run test:crash                       the package and the controls, thousands of states
 *     npm run test:crash -- --quick            a part of it in less than a minute, as CI does
 *     npm run test:crash -- atomically steno   peers from npm
 *     npm run test:crash -- --all              files: the package, the controls and all peers, as `npm run evidence` asks for
 *     npm run test:crash -- directories        whole directories: the package and the controls, as `npm run evidence` asks for
 *     npm run test:crash -- verbs              copies, renames, removals, links and appends: the package and node:fs, the same
 *     --seed=N --states=N --filesystem=NAME    another draw; states for each filesystem and durability; only one filesystem
 *
 * It writes build/crash.json, and fails if the package broke a promise or a control was not caught.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { note } from '../support/evidence.ts';
import { filesystems } from './filesystems.ts';
import type { Job, Result } from './job.ts';
import { describeMachine, figuresOf, rowsOf, rowsPerThousand, table, type Report } from './report.ts';
import { directories, directoryControls } from './directories.ts';
import { controls, fileControls, own, peers, subjects, untorn, type Durability } from './subjects.ts';
import { verbControls, verbs } from './verbs.ts';
import { reasonToSkip, Workshop } from './workshop.ts';

const { values: options, positionals: named } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    states: { type: 'string' },
    filesystem: { type: 'string' },
  },
});
const { quick, all } = options;

/** Names of several programs together. */
const groups: readonly string[] = ['directories', 'verbs'];

function jobs(): Job[] {
  const seed = Number(options.seed);
  const states = Number(options.states ?? (quick ? 40 : 1200));
  const places = Object.keys(filesystems).filter(
    (name) => options.filesystem === undefined || name === options.filesystem,
  );
  const on = (wanted: readonly string[], durabilities: readonly Durability[], share: number, rounds: number): Job[] =>
    wanted.flatMap((subject) =>
      places.flatMap((filesystem) =>
        durabilities.map((durability): Job => ({
          filesystem,
          subject,
          durability,
          rounds,
          states: Math.ceil(states * share),
          seed,
        })),
      ),
    );
  if (quick) {
    const some = on([...Object.keys(fileControls), 'directory without file syncs'], ['full'], 2, 1).filter(
      ({ filesystem }) => filesystem === 'ext4 noauto_da_alloc',
    );
    const trees = on([directories], ['full'], 0.5, 1).filter(({ filesystem }) =>
      ['ext4 noauto_da_alloc', 'xfs', 'btrfs'].includes(filesystem),
    );
    const steps = on([verbs], ['full'], 0.5, 1).filter(({ filesystem }) => filesystem !== 'ext4');
    return [...on([untorn], ['full', 'normal'], 1, 1), ...trees, ...steps, ...some];
  }
  const ofFiles = (): Job[] => [
    ...on([untorn], ['full', 'normal', 'off'], 1, 3),
    ...on(Object.keys(fileControls), ['full'], 0.2, 2),
  ];
  const ofDirectories = (): Job[] => [
    ...on([directories], ['full'], 0.7, 3),
    ...on([directories], ['normal'], 0.3, 3),
    ...on(Object.keys(directoryControls), ['full'], 0.15, 4),
  ];
  const ofVerbs = (): Job[] => [
    ...on([verbs], ['full', 'normal'], 0.5, 4),
    ...on(Object.keys(verbControls), ['full'], 0.15, 4),
  ];
  if (all) return [...ofFiles(), ...on(Object.keys(peers), ['full'], 0.3, 3)];
  if (named.length === 0) return [...ofFiles(), ...ofDirectories(), ...ofVerbs()];
  return [
    ...(named.includes('directories') ? ofDirectories() : []),
    ...(named.includes('verbs') ? ofVerbs() : []),
    ...on(
      named.filter((name) => !groups.includes(name)),
      ['full'],
      0.3,
      3,
    ),
  ];
}

/** Two at a time for each processor, since they wait for the kernel more than they compute. Each says how it went. */
async function runAll(workshop: Workshop, waiting: Job[]): Promise<Result[]> {
  const results = new Map<Job, Result>();
  const order = [...waiting];
  const work = async (): Promise<void> => {
    for (let job; (job = waiting.shift()) !== undefined;) {
      const result = JSON.parse(await workshop.run('job.js', JSON.stringify(job))) as Result;
      results.set(job, result);
      const { subject, filesystem, durability, states, bad, seconds, examples } = result;
      console.error(
        `${subject}, ${filesystem}, ${durability}: ${states} states, ${bad} with violations, ${seconds.toFixed(1)} s`,
      );
      if (own[subject] !== undefined && durability !== 'off')
        for (const example of examples) console.error(`  ${example}`);
    }
  };
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, work));
  return order.map((job) => results.get(job) as Result);
}

/** What makes the test fail. */
function failures(results: readonly Result[]): string[] {
  return results.flatMap((result) => {
    const { subject, filesystem, durability, states, bad, unmountable, violations } = result;
    const where = `on ${filesystem}, '${durability}'`;
    const failed = [];
    if (own[subject] !== undefined && durability !== 'off' && bad > 0)
      failed.push(`${subject} broke a promise in ${bad} states ${where}`);
    if (unmountable > 3 + states / 50)
      failed.push(`${unmountable} disks could not be mounted ${where}: too many to say anything`);
    const { caughtAs, hiddenOn = [] } = controls[subject] ?? {};
    if (caughtAs !== undefined && !hiddenOn.includes(filesystem) && !caughtAs.some((kind) => violations[kind] > 0)) {
      failed.push(`the control "${subject}" was not caught ${where}`);
    }
    return failed;
  });
}

async function main(): Promise<void> {
  const unknown = named.find((name) => !groups.includes(name) && subjects[name] === undefined);
  if (unknown !== undefined)
    throw new Error(
      `There is no adapter for "${unknown}"; there are: ${groups.join(', ')}, ${Object.keys(peers).join(', ')}`,
    );
  const reason = reasonToSkip();
  if (reason !== undefined) return console.log(`skipped: ${reason}`);
  const begun = Date.now();
  const workshop = new Workshop();
  workshop.compile();
  const waiting = jobs();
  const versions = workshop.install(
    Object.keys(peers).filter((name) => waiting.some(({ subject }) => subject === name)),
  );
  await workshop.run('disk-check.js');
  console.log(`seed ${options.seed}`);
  const results = await runAll(workshop, waiting);
  const date = new Date().toISOString().slice(0, 10);
  const report: Report = {
    date,
    machine: describeMachine(),
    versions,
    seed: Number(options.seed),
    seconds: (Date.now() - begun) / 1000,
    results,
  };
  mkdirSync('build', { recursive: true });
  writeFileSync('build/crash.json', JSON.stringify(report, undefined, 2));
  console.log(table(rowsOf(results)));
  console.log(`\nper thousand states:\n${table(rowsPerThousand(results, versions))}`);
  console.log(`\n${results.reduce((sum, { states }) => sum + states, 0)} states in ${Math.round(report.seconds)} s`);
  const failed = failures(results);
  for (const failure of failed) console.error(`FAILED: ${failure}`);
  if (failed.length > 0) process.exitCode = 1;
  for (const figure of figuresOf(results, versions)) note(figure);
}

await main();
