/**
 * `npm run test:torture`: what readers see while writers of several processes and threads race, are killed, and swept
 * behind.
 *
 *     npm run test:torture                 thousands of rounds
 *     npm run test:torture -- --quick      some of them, as CI does
 *     --seed=N --rounds=N                  another draw of the kills; how many rounds
 *     --dir=FOLDER                         where the files are: in memory where there is such a place
 *
 * It fails if a promise was broken, or if a control was not caught.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { everyDurability, filesystemOf, note } from '../support/evidence.ts';
import { play, type Scene, type Tally } from './scene.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    rounds: { type: 'string' },
    dir: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 600 : 10_000));
const usual: Scene = {
  dir: options.dir,
  how: 'untorn',
  ruthless: false,
  processes: 3,
  threads: 2,
  rounds,
  killOneIn: 60,
  seed: Number(options.seed),
};

/** Each is wrong in one way, which one of the watchers must notice. They end as soon as they are caught. */
const controls: Record<string, { scene: Partial<Scene>; caught: RegExp }> = {
  'writers in place': { scene: { how: 'in place' }, caught: /is torn/ },
  'writers that do not order their renames': {
    scene: { how: 'unordered', killOneIn: 0 },
    caught: /went back|was acknowledged/,
  },
  'a sweeper that spares nobody': { scene: { ruthless: true, killOneIn: 0 }, caught: /no such file/ },
};

function tell(who: string, { reads, writes, kills, swept, violations }: Tally): void {
  console.log(
    `${who}: ${reads} reads, ${writes} writes, ${kills} kills, ${swept} temporary files swept, ${violations.length} violations`,
  );
}

console.log(`seed ${options.seed}`);
const tally = await play(usual);
tell('untorn', tally);
for (const violation of tally.violations.slice(0, 10)) console.log(`  ${violation}`);
let failed = tally.violations.length > 0;
const at = {
  filesystem: filesystemOf(options.dir),
  durabilities: everyDurability,
  violations: tally.violations.length,
};
note({ of: 'reads in races', guarantees: ['G1', 'G7'], count: tally.reads, details: tally, ...at });
note({ of: 'kills in races', guarantees: ['G2', 'G10'], count: tally.kills, ...at });
for (const [name, { scene, caught }] of Object.entries(controls)) {
  const control = await play({ ...usual, rounds: 600, ...scene });
  tell(`Control, ${name}`, control);
  const violation = control.violations.find((violation) => caught.test(violation));
  console.log(violation === undefined ? `  NOT CAUGHT: ${control.violations[0]}` : `  caught: ${violation}`);
  failed ||= violation === undefined;
}
process.exitCode = failed ? 1 : 0;
