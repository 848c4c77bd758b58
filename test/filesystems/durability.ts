/** Behaviour: what is said to be durable is on the disk. */
import { rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ActorError } from './actors.ts';
import type { Place } from './place.ts';
import type { Filesystem } from './filesystem.ts';
import type { Behaviour, Stage } from './stage.ts';
import { textAt } from './writing.ts';
import { together, verdict, type Verdict } from './verdict.ts';

type Durable = boolean | 'unsupported';

/** Three ways to write, each with what has to be there after it. */
const ways: Record<
  string,
  (stage: Stage, round: string) => Promise<{ durable: Durable; files: Record<string, string> }>
> = {
  async writeFile(stage, round) {
    const { durable } = await (
      await stage.actor(0)
    ).call<{ durable: Durable }>('writeFile', stage.at(`${round}-file`), 'new');
    return { durable, files: { [`${round}-file`]: 'new' } };
  },
  async transaction(stage, round) {
    const { durable } = (await (
      await stage.actor(0)
    ).do('transaction', [
      { write: stage.at(`${round}-one`), content: 'new' },
      { write: stage.at(`${round}-two`), content: 'new' },
    ])) as { durable: Durable };
    return { durable, files: { [`${round}-one`]: 'new', [`${round}-two`]: 'new' } };
  },
  async replaceDirectory(stage, round) {
    const { durable } = await (await stage.actor(0)).do('replaceDirectory', stage.at(`${round}-site`), 'new');
    return { durable, files: { [`${round}-site/one`]: 'new', [`${round}-site/two`]: 'new' } };
  },
};

export const durable: Pick<Behaviour, 'name' | 'about'> = {
  name: 'durable',
  about:
    "The power is cut right after a call has resolved with `durability: 'full'`: if it says `durable: true`, " +
    'the new content is there.',
};

/** What is there after a power cut now. */
async function afterCut(
  stage: Stage,
  { mount }: Filesystem,
  target: Place,
  names: readonly string[],
): Promise<(string | undefined)[]> {
  const after = await target.afterPowerCut();
  try {
    const { folder } = await mount(after);
    return await Promise.all(
      names.map((name) => textAt(join(folder, basename(stage.folder), name)).catch((error: Error) => error.message)),
    );
  } finally {
    await after.end();
  }
}

/** Whether a rename without any sync is gone after a power cut; else the copy of the disk shows nothing. */
async function isLostUnsynced(stage: Stage, filesystem: Filesystem, target: Place): Promise<boolean> {
  // A journal is written every few seconds anyway.
  for (let attempt = 0; attempt < 3; attempt++) {
    const name = `control-${attempt}`;
    await writeFile(stage.at(name), 'old');
    await target.sync();
    await writeFile(stage.at('other'), 'new');
    await rename(stage.at('other'), stage.at(name));
    const [holds] = await afterCut(stage, filesystem, target, [name]);
    if (holds !== 'new') return true;
  }
  return false;
}

/** One way, and what is left of it. */
async function cutAfter(stage: Stage, filesystem: Filesystem, target: Place, name: string): Promise<Verdict> {
  for (const file of ['file', 'one', 'two']) await writeFile(stage.at(`${name}-${file}`), 'old');
  await target.sync();
  let done;
  try {
    done = await ways[name]!(stage, name);
  } catch (error) {
    if (!(error instanceof ActorError)) throw error;
    return verdict('refused', error.code, [error.message]);
  }
  if (done.durable !== true) return verdict('not kept', `\`'${done.durable}'\``);
  if (target.disks.length === 0) return verdict('holds', '`true`, gone with the power');
  const names = Object.keys(done.files);
  const holds = await afterCut(stage, filesystem, target, names);
  const missing = names.flatMap((name, index) =>
    holds[index] === done.files[name] ? [] : [`${name}: ${holds[index]}`],
  );
  return missing.length === 0
    ? verdict('holds', '`true`')
    : verdict('VIOLATION', '`true`, and it is not on the disk', missing);
}

/**
 * The disk is copied the moment the call has resolved, which is a power cut: all that was sent to it is there, and
 * nothing else. The
 * filesystem is mounted anew on the copy.
 */
export function durability(filesystem: Filesystem, target: Place): Behaviour {
  return {
    ...durable,
    async run(stage) {
      const canShow = target.disks.length === 0 || (await isLostUnsynced(stage, filesystem, target));
      const parts: (readonly [string, Verdict])[] = [];
      for (const name of Object.keys(ways)) {
        const told = await cutAfter(stage, filesystem, target, name);
        parts.push([
          name,
          canShow || told.kind !== 'holds' ? told : verdict('not tested', 'what is not synced is on the disk too'),
        ]);
      }
      return together(parts);
    },
  };
}
