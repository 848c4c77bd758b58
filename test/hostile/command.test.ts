/** The command, where a neighbour puts something in its way, or writes to its user's terminal. */
import { describe } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { User } from '../support/as-user.ts';
import { attacks, reasonNotToAttack, untorn, type Tally } from './hostile.ts';
import type { OperationName } from './operations.ts';
import { command } from './package.ts';
import { momentsOf, Planter, type Planted } from './planting.ts';
import { put } from './races.ts';
import { sample } from './sample.ts';
import { aliceOfDev, root, type Kind, type Scene } from './scene.ts';
import { Stopped, type Answer, type Call } from './stopped.ts';
import type { SubstituteName } from './substitutes.ts';
import type { World } from './world.ts';

const preload = fileURLToPath(new URL('../fault/preload.js', import.meta.url));

/** Runs it under whoever stops it before each call. */
async function stopped(
  world: World,
  user: User,
  args: readonly string[],
  decide: (call: Call) => Promise<void>,
): Promise<string | undefined> {
  const program = new Stopped(user, world.folder, ['--import', preload, command, ...args], { UNTORN_SPOIL: 'ask' });
  program.process.stdin?.end();
  program.beginWith(async (call): Promise<Answer> => {
    await decide(call);
    return 'go';
  });
  return program.toEnd();
}

/** \`untorn edit\` of a file in whose place something else is at some moment. */
async function edited(world: World, user: User, substitutes: readonly SubstituteName[], some: number): Promise<Tally> {
  const run = async (scene: Scene, decide: (call: Call, nth: number) => Promise<void>): Promise<string | undefined> => {
    let nth = 0;
    return stopped(world, user, ['edit', '--quiet', scene.at('state'), '--', 'cat'], async (call) => {
      if (call.names.includes(scene.at('state'))) await decide(call, nth++);
    });
  };
  const model = world.scene('group', user);
  let count = 0;
  await run(model, async () => void count++);
  const harm: string[] = [];
  let done = 0;
  const trials = sample(
    substitutes.flatMap((substitute) => Array.from({ length: count }, (_, at) => ({ substitute, at }))),
    ({ substitute }) => substitute,
    some,
  );
  for (const { substitute, at } of trials) {
    const scene = world.scene('group', user);
    let where = '';
    const stuck = await run(scene, async ({ name }, nth) => {
      if (nth === at && (await put(world, scene, scene.at('state'), substitute)) !== '') where = name;
    });
    if (where !== '') done++;
    harm.push(
      ...[...world.harm(), ...scene.harm(), ...(stuck === undefined ? [] : [stuck])].map(
        (what) => `${substitute} before ${where} (${at}): ${what}`,
      ),
    );
  }
  return { trials: trials.length, done, harm };
}

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const control = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]|^INJECTED/mu;

/** What the command says of what the neighbour left under names that a terminal obeys. */
async function said(world: World, kind: Kind, user: User, some: number): Promise<Tally> {
  const all: Planted[] = [];
  for (const operation of [
    'update of a name for a terminal',
    'transaction of a name for a terminal',
    'replaceDirectory of a name for a terminal',
  ] satisfies OperationName[])
    all.push(...(await momentsOf(world, kind, operation)));
  const commands = [['sweep'], ['sweep', '--recursive'], ['sweep', '--dry-run'], ['recover']];
  const trials = sample(
    all.flatMap((plant) => commands.map((args) => ({ plant, args }))),
    ({ plant, args }) => `${plant.operation} ${args.join(' ')}`,
    some,
  );
  const planter = await Planter.start(world);
  const scenes = trials.map(() => world.scene(kind, user));
  for (const [index, { plant }] of trials.entries()) await planter.plant((scenes[index] as Scene).folder, plant);
  await planter.die();
  const harm: string[] = [];
  let done = 0;
  for (const [index, { plant, args }] of trials.entries()) {
    const scene = scenes[index] as Scene;
    const { status, stdout, stderr } = untorn(user, ...args, '--older-than', '0s', scene.folder);
    if (status === 0 || status === 1) done++;
    const found = control.exec(stdout + stderr)?.[0];
    if (found !== undefined)
      harm.push(
        `${args.join(' ')} after ${plant.operation} that was killed before call ${plant.at} says ${JSON.stringify(found)} in ${JSON.stringify((stdout + stderr).slice(0, 300))}`,
      );
  }
  return { trials: trials.length, done, harm };
}

describe('the command beside a neighbour (G5, G10)', { skip: reasonNotToAttack }, () => {
  const { world, holds } = attacks('G5', 'G10');
  holds('edit ends when a FIFO comes into the place of its file', () => edited(world(), root, ['a FIFO'], 14));
  holds('edit ends whatever comes into the place of its file', () =>
    edited(world(), aliceOfDev, ['a FIFO', 'a link to /dev/zero', 'a directory', 'nothing'], 8),
  );
  for (const [name, user, kind] of [
    ['the superuser', root, 'sticky'],
    ['an ordinary user', aliceOfDev, 'group'],
  ] as const) {
    holds(`sweep and recover as ${name} say nothing that a terminal obeys`, () => said(world(), kind, user, 16));
  }
});
