/** Behaviour: what is said to be durable is on the disk. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ActorError } from './actors.ts';
import { Place } from './place.ts';
import type { Filesystem } from './filesystem.ts';
import type { Behaviour, Stage } from './stage.ts';
import { textAt } from './writing.ts';
import { together, verdict, type Verdict } from './verdict.ts';

type Durable = boolean | 'unsupported';

/** Three ways to write, each with what has to be there after it. */
const ways: Record<string, (stage: Stage, round: string) => Promise<{ durable: Durable; files: Record<string, string> }>> = {
  async writeFile(stage, round) {
    const { durable } = await (await stage.actor(0)).call<{ durable: Durable }>('writeFile', stage.at(`${round}-file`), 'new');
    return { durable, files: { [`${round}-file`]: 'new' } };
  },
  async transaction(stage, round) {
    const { durable } = (await (await stage.actor(0)).do('transaction', [{ write: stage.at(`${round}-one`), content: 'new' }, { write: stage.at(`${round}-two`), content: 'new' }])) as { durable: Durable };
    return { durable, files: { [`${round}-one`]: 'new', [`${round}-two`]: 'new' } };
  },
  async replaceDirectory(stage, round) {
    const { durable } = (await (await stage.actor(0)).do('replaceDirectory', stage.at(`${round}-site`), 'new')) as { durable: Durable };
    return { durable, files: { [`${round}-site/one`]: 'new', [`${round}-site/two`]: 'new' } };
  },
};

export const durable: Pick<Behaviour, 'name' | 'about'> = {
  name: 'durable',
  about: 'The power is cut right after a call has resolved with `durability: \'full\'`: if it says `durable: true`, the new content is there.',
};

/**
 * The disk is copied the moment the call has resolved, which is a power cut: all that was sent to it is there, and nothing else. The
 * filesystem is mounted anew on the copy.
 */
export function durability({ mount }: Filesystem, place: Place): Behaviour {
  return {
    ...durable,
    async run(stage) {
      const parts: (readonly [string, Verdict])[] = [];
      for (const [name, way] of Object.entries(ways)) {
        const round = name;
        for (const file of ['file', 'one', 'two']) await writeFile(stage.at(`${round}-${file}`), 'old');
        await mkdir(stage.at('more'), { recursive: true });
        await place.sync();
        let done;
        try {
          done = await way(stage, round);
        } catch (error) {
          if (!(error instanceof ActorError)) throw error;
          parts.push([name, verdict('refused', error.code, [error.message])]);
          continue;
        }
        if (done.durable !== true) {
          parts.push([name, verdict('not kept', `\`'${done.durable}'\``)]);
          continue;
        }
        if (place.disks.length === 0) {
          parts.push([name, verdict('holds', '`true`, gone with the power')]);
          continue;
        }
        const after = await place.afterPowerCut();
        try {
          const { folder } = await mount(after);
          const missing: string[] = [];
          for (const [file, content] of Object.entries(done.files)) {
            const holds = await textAt(join(folder, basename(stage.folder), file)).catch((error: Error) => error.message);
            if (holds !== content) missing.push(`${file}: ${holds}`);
          }
          parts.push([name, missing.length === 0 ? verdict('holds', '`true`') : verdict('VIOLATION', '`true`, and it is not on the disk', missing)]);
        } finally {
          await after.end();
        }
      }
      return together(parts);
    },
  };
}
