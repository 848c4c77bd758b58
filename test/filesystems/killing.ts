/** Behaviours: processes that are killed while they hold a lock or a temporary file, or that get a signal. */
import { rm, symlink, writeFile } from 'node:fs/promises';
import type { SweepResult } from 'untorn';
import { ActorError } from './actors.ts';
import { leftAfterSweep, lock } from './leftovers.ts';
import { judgeUpdates } from './racing.ts';
import type { Behaviour } from './stage.ts';
import { together, verdict, type Verdict } from './verdict.ts';
import { left, textAt } from './writing.ts';

const takeover: Behaviour = {
  name: 'takeover',
  about:
    'A process is killed while it holds a lock. Two others take it over, count, and lose nothing. The lock of ' +
    'a live holder is not taken over.',
  async run(stage) {
    const path = stage.at('file');
    await writeFile(path, `${'0;'.repeat(100)}\n`);
    const holder = await stage.start();
    const held = holder.do('hold', path, 'never', lock);
    try {
      await Promise.race([holder.event('held'), held]);
    } catch (error) {
      if (!(error instanceof ActorError)) throw error;
      return verdict('refused', error.code, [error.message]);
    }
    // Longer than the lease, so that a holder would be noticed that does not renew it.
    const taken = await (
      await stage.actor(1)
    )
      .call('writeFile', path, 'taken', { ifMatch: 'absent', lock: { ...lock, timeout: 1.5 * lock.lease } })
      .then(
        () => 'resolved',
        (error: ActorError) => error.code,
      );
    if (['resolved', 'ERR_VERSION_CONFLICT'].includes(taken))
      return verdict('VIOLATION', 'a live holder was not waited for', [`a write with ifMatch: ${taken}`]);
    if (taken !== 'ERR_LOCK_TIMEOUT') return verdict('refused', taken);
    held.catch(() => undefined);
    await holder.kill();
    const began = Date.now();
    const actors = [await stage.actor(0), await stage.actor(1)];
    const all = await Promise.all(actors.map((actor) => actor.do('update', path, 3, 'updateFile', lock)));
    const seconds = (Date.now() - began) / 1000;
    const judged = judgeUpdates(all, await textAt(path));
    if (judged.kind !== 'holds') return judged;
    const litter = await leftAfterSweep(stage, actors[0]!, stage.folder);
    if (litter.length > 0) return verdict('VIOLATION', 'litter', [`after a sweep: ${litter.join(', ')}`]);
    return verdict('holds', '', [`${seconds.toFixed(1)} s`]);
  },
};

const sweeping: Behaviour = {
  name: 'sweep',
  about:
    'The files of a killed process are removed. The files of a live one and all other files stay, and the ' +
    'live one commits.',
  async run(stage) {
    const live = await stage.start(stage.how(0));
    const dead = await stage.start(stage.how(0));
    for (const [actor, name] of [
      [live, 'live'],
      [dead, 'dead'],
    ] as const)
      await actor.do('open', stage.at(name), 'new');
    const bystanders = ['.live.tmp', 'dead.tmp', '.dead.untorn-t-.tmp', '.untorn-lock'];
    for (const name of bystanders) await writeFile(stage.at(name), 'mine');
    await symlink('dead.tmp', stage.at('link')).catch(() => undefined);
    await dead.kill();
    const sweeper = await stage.actor(1);
    const { removed, kept } = await sweeper.call<SweepResult>('sweep', stage.folder);
    const details = [`removed ${removed.length}, kept ${kept.map(({ reason }) => reason).join(', ')}`];
    const gone = (
      await Promise.all(bystanders.map(async (name) => ((await textAt(stage.at(name))) === 'mine' ? undefined : name)))
    ).filter((name) => name !== undefined);
    if (gone.length > 0) return verdict('VIOLATION', 'removed files of others', gone);
    const committed = await live.do('commit').then(
      () => 'committed',
      (error: Error) => error.message,
    );
    if (committed !== 'committed' || (await textAt(stage.at('live'))) !== 'new')
      return verdict('VIOLATION', 'a live writer lost its file', [...details, committed]);
    await live.end();
    const unjudged = kept.filter(({ reason }) => reason === 'young').length > 0;
    if (unjudged) await sweeper.call('sweep', stage.folder, { olderThan: 0 });
    for (const name of bystanders) await rm(stage.at(name));
    const left = await stage.litter();
    if (left.length > 0) return verdict('VIOLATION', 'left what is dead', [...details, ...left]);
    return unjudged ? verdict('holds', 'after `olderThan`', details) : verdict('holds', '', details);
  },
};

const ends: Behaviour = {
  name: 'signals',
  about:
    'SIGTERM ends a process that has a temporary file and a lock, and nothing is left. A process that goes on ' +
    'after it, since it is PID 1 or handles it, still has its files.',
  async run(stage) {
    const parts: (readonly [string, Verdict])[] = [];
    for (const handled of [false, true]) {
      const name = handled ? 'handled' : 'unhandled';
      const actor = await stage.start();
      if (handled) await actor.do('handleSignals');
      const holding = actor.do('hold', stage.at(`${name}-lock`), 'held', lock);
      const refused = await Promise.race([
        actor.event('held').then(() => undefined),
        holding.then(
          () => undefined,
          (error: ActorError) => error,
        ),
      ]);
      holding.catch(() => undefined);
      await actor.do('open', stage.at(`${name}-file`), 'new');
      const goesOn = handled || (await actor.isFirst());
      await actor.signal('SIGTERM');
      if (goesOn) {
        if (handled) await actor.event('SIGTERM');
        const committed = await actor.do('commit').then(
          () => 'committed',
          (error: Error) => error.message,
        );
        await actor.do('release');
        const updated =
          refused === undefined
            ? await holding.then(
                () => 'updated',
                (error: Error) => error.message,
              )
            : 'updated';
        const isSo =
          (await textAt(stage.at(`${name}-file`))) === 'new' &&
          (refused !== undefined || (await textAt(stage.at(`${name}-lock`))) === 'held');
        parts.push([
          name,
          committed === 'committed' && updated === 'updated' && isSo
            ? verdict('holds')
            : verdict('VIOLATION', 'went on without its files', [committed, updated]),
        ]);
        await actor.end();
      } else await actor.ended;
      const litter = await stage.litter();
      if (litter.length > 0) parts.push([name, await left(stage, litter)]);
      else if (!goesOn) parts.push([name, verdict('holds')]);
    }
    return together(parts);
  },
};

export const killing: readonly Behaviour[] = [takeover, sweeping, ends];
