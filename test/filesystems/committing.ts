/** Behaviours: transactions and whole directories, killed before many of their calls. */
import { readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SweepResult } from 'untorn';
import type { Change } from './actor.ts';
import { ActorError, type Actor } from './actors.ts';
import { leftAfterSweep, lock } from './leftovers.ts';
import type { Behaviour, Stage } from './stage.ts';
import { verdict } from './verdict.ts';
import { textAt } from './writing.ts';

/** Calls at which something is killed, from the first to the last. */
function* spread(calls: number, kills: number): Generator<number> {
  const step = Math.max(1, calls / kills);
  for (let at = step / 2; at < calls; at += step) yield Math.floor(at);
}

/** A process that counts its calls: each is made by itself there, also where the package makes several in one trip. */
function startCounting(stage: Stage): Promise<Actor> {
  const how = stage.how(0);
  return stage.start({ ...how, env: { ...how.env, UNTORN_COUNTS: 'yes' } });
}

/** Lets a process do something, and kills it before one of its calls. */
async function killedAt(stage: Stage, at: number, perform: (actor: Actor) => Promise<unknown>): Promise<void> {
  const actor = await startCounting(stage);
  await actor.do('stopAt', at);
  const performed = perform(actor).catch(() => undefined);
  await Promise.race([actor.event('stopped').catch(() => undefined), performed]);
  await actor.kill();
  await performed;
}

async function countCalls(stage: Stage, perform: (actor: Actor) => Promise<unknown>): Promise<number> {
  const actor = await startCounting(stage);
  await actor.do('stopAt', Number.POSITIVE_INFINITY);
  await perform(actor);
  const calls = await actor.do('calls');
  await actor.end();
  return calls;
}

interface Scene {
  readonly folders: readonly [string, string];
  readonly changes: readonly Change[];
}

async function sceneOf(stage: Stage, name: string): Promise<Scene> {
  const folders = [await stage.newFolder(`${name}-a`), await stage.newFolder(`${name}-b`)] as const;
  const [a, b] = folders;
  for (const path of [join(a, 'written'), join(b, 'written'), join(a, 'removed'), join(b, 'source'), join(a, 'target')])
    await writeFile(path, 'old');
  return {
    folders,
    changes: [
      { write: join(a, 'written'), content: 'new' },
      { write: join(b, 'written'), content: 'new' },
      { write: join(b, 'created'), content: 'new' },
      { remove: join(a, 'removed') },
      { rename: join(b, 'source'), to: join(a, 'target') },
    ],
  };
}

/** What is there of each, in one word. */
async function stateOf({ folders: [a, b] }: Scene): Promise<{ state: 'old' | 'new' | 'mixed'; text: string }> {
  const texts = await Promise.all(
    [
      join(a, 'written'),
      join(b, 'written'),
      join(b, 'created'),
      join(a, 'removed'),
      join(b, 'source'),
      join(a, 'target'),
    ].map(textAt),
  );
  const text = texts.map((one) => one ?? 'absent').join(' ');
  const state =
    text === 'old old absent old old old' ? 'old' : text === 'new new new absent absent old' ? 'new' : 'mixed';
  return { state, text };
}

const transactions: Behaviour = {
  name: 'transaction',
  about:
    'Files of two directories are written, created, removed and renamed. The process is killed before each of ' +
    'many calls. After `recover` all changes are made or none, and nothing is left.',
  async run(stage) {
    const scene = await sceneOf(stage, 'whole');
    const performing = (scene: Scene) => (actor: Actor) => actor.do('transaction', scene.changes, lock);
    let calls;
    try {
      calls = await countCalls(stage, performing(scene));
    } catch (error) {
      if (!(error instanceof ActorError)) throw error;
      const { state, text } = await stateOf(scene);
      return state === error.outcome
        ? verdict('refused', error.code, [error.message])
        : verdict('VIOLATION', `${error.code} says ${error.outcome}`, [error.message, text]);
    }
    const done = await stateOf(scene);
    if (done.state !== 'new') return verdict('VIOLATION', 'resolved, and it is not done', [done.text]);
    const wrong: string[] = [];
    const states = { old: 0, new: 0, mixed: 0 };
    const recoverer = await stage.actor(1);
    for (const at of spread(calls, stage.amount.kills)) {
      const scene = await sceneOf(stage, `killed-${at}`);
      const [a, b] = scene.folders;
      await killedAt(stage, at, performing(scene));
      const before = await stateOf(scene);
      const recovered = await recoverer
        .call('recover', at % 2 === 0 ? a : b, { olderThan: 0 })
        .catch((error: ActorError) => error);
      const after = await stateOf(scene);
      states[after.state]++;
      if (after.state === 'mixed')
        wrong.push(
          `killed before call ${at}: ${before.text}; after recover() ${after.text}: ${JSON.stringify(recovered)}`,
        );
      // What was staged and is in no journal yet is known in its own directory only.
      for (const folder of [a, b]) await recoverer.call('recover', folder, { olderThan: 0 });
      const litter = await leftAfterSweep(stage, recoverer, a, b);
      if (litter.length > 0)
        wrong.push(`killed before call ${at}: left after recover() and sweep(): ${litter.join(', ')}`);
    }
    const details = [`${states.old} times old, ${states.new} new, of ${calls} calls`];
    return wrong.length > 0
      ? verdict('VIOLATION', `${wrong.length} of ${states.old + states.new + states.mixed} kills`, [
          ...details,
          ...wrong,
        ])
      : verdict('holds', '', details);
  },
};

const directories: Behaviour = {
  name: 'replaceDirectory',
  about:
    'A directory is replaced through a link, by two processes at once, and by one that is killed before each ' +
    'of many calls. The link always leads to one whole version.',
  async run(stage) {
    const path = stage.at('site');
    const replace = (mark: string, path: string) => (actor: Actor) => actor.do('replaceDirectory', path, mark);
    let calls;
    try {
      await replace('first', path)(await stage.actor(0));
      calls = await countCalls(stage, replace('second', path));
    } catch (error) {
      if (!(error instanceof ActorError)) throw error;
      const marks = await wholeAt(path);
      if (error.outcome === 'old' && ['', 'first'].includes(marks))
        return verdict('refused', error.code, [error.message]);
      return verdict('VIOLATION', `${error.code} says ${error.outcome}`, [error.message, `it has ${marks}`]);
    }
    const wrong: string[] = [];
    if ((await wholeAt(path)) !== 'second') wrong.push(`resolved, and it has ${await wholeAt(path)}`);
    const both = await Promise.allSettled(
      [0, 1].flatMap((number) =>
        Array.from({ length: 3 }, async (_, round) =>
          replace(`${number}-${round}`, path)(await stage.actor(number as 0 | 1)),
        ),
      ),
    );
    const failures = both.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
    const codes = new Set(both.flatMap((one) => (one.status === 'rejected' ? [(one.reason as ActorError).code] : [])));
    if (!/^[01]-[012]$/.test(await wholeAt(path))) wrong.push(`after two processes it has ${await wholeAt(path)}`);
    for (const at of spread(calls, stage.amount.kills)) {
      const own = await stage.newFolder(`killed-${at}`);
      const link = join(own, 'site');
      try {
        await replace('old', link)(await stage.actor(0));
      } catch (error) {
        if (!(error instanceof ActorError) || error.outcome !== 'old') throw error;
        failures.push(error.message);
        codes.add(error.code);
        continue;
      }
      await killedAt(stage, at, replace('new', link));
      const marks = await wholeAt(link);
      if (marks !== 'old' && marks !== 'new') wrong.push(`killed before call ${at}: it has ${marks}`);
      try {
        await (await stage.actor(1)).do('replaceDirectory', link, 'next');
      } catch (error) {
        if (!(error instanceof ActorError)) throw error;
        failures.push(`after a kill before call ${at}: ${error.message}`);
        codes.add(error.code);
        continue;
      }
      const swept = await (await stage.actor(1)).call<SweepResult>('sweep', own, { olderThan: 0 });
      const told = new Set([
        await readlink(link),
        ...[...swept.recoverable, ...swept.kept.map(({ path }) => path)].map((path) =>
          String(path).slice(own.length + 1),
        ),
      ]);
      const left = (await stage.names(own)).filter((name) => name !== 'site' && !told.has(name));
      if (left.length > 0) wrong.push(`killed before call ${at}: left after sweep(): ${left.join(', ')}`);
    }
    if (wrong.length > 0) return verdict('VIOLATION', '', wrong);
    return failures.length > 0 ? verdict('refused', `some with ${[...codes].join(', ')}`, failures) : verdict('holds');
  },
};

/** The mark that both files of a directory have, or what is wrong. */
async function wholeAt(path: string): Promise<string> {
  const marks = await Promise.all(
    ['one', 'two'].map((name) =>
      readFile(join(path, name), 'utf8').catch((error: NodeJS.ErrnoException) =>
        error.code === 'ENOENT' ? '' : String(error.code),
      ),
    ),
  );
  return marks[0] === marks[1] ? (marks[0] ?? '') : marks.join(' and ');
}

const exchange: Behaviour = {
  name: 'directory exchanged',
  about:
    'A real directory is exchanged with a new one, by two processes at once. If that is impossible, it is an ' +
    'error and the old one stays.',
  async run(stage) {
    const path = await stage.newFolder('real');
    for (const name of ['one', 'two']) await writeFile(join(path, name), 'old');
    const actors = [await stage.start(), await stage.start()];
    const told = await Promise.allSettled(
      actors.map((actor, number) => actor.do('replaceDirectory', path, `new ${number}`)),
    );
    const marks = await wholeAt(path);
    const errors = told.flatMap((one) => (one.status === 'rejected' ? [one.reason as ActorError] : []));
    const isNew = told.some((one, number) => one.status === 'fulfilled' && marks === `new ${number}`);
    const isTrue =
      errors.length === told.length ? marks === 'old' && errors.every(({ outcome }) => outcome === 'old') : isNew;
    const details = [...errors.map(({ message }) => message), `it has ${marks}`];
    if (!isTrue) return verdict('VIOLATION', '', details);
    if (errors.length > 0) return verdict('refused', [...new Set(errors.map(({ code }) => code))].join(', '), details);
    const oldPaths = told.flatMap((one) => (one.status === 'fulfilled' ? [String(one.value.oldPath)] : []));
    const litter = (await stage.litter()).filter((name) => !oldPaths.some((path) => stage.at(name).startsWith(path)));
    return litter.length > 0 ? verdict('VIOLATION', 'left', litter) : verdict('holds');
  },
};

export const committing: readonly Behaviour[] = [transactions, directories, exchange];
