/** Behaviours: long names, names that differ in case, several names of one file. */
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ActorError } from './actors.ts';
import type { Behaviour, Stage } from './stage.ts';
import { together, verdict, type Verdict } from './verdict.ts';
import { litterOf, textAt, written } from './writing.ts';

/** The longest name with which a file can be made, renamed over and removed there. */
async function longestName(folder: string): Promise<number> {
  const [plain, other] = [join(folder, 'plain'), join(folder, 'other')];
  await mkdir(plain);
  let [fits, tooLong] = [1, 300];
  while (tooLong - fits > 1) {
    const length = (fits + tooLong) >> 1;
    const path = join(plain, 'p'.repeat(length));
    try {
      await writeFile(path, 'old');
      // Some manage it once.
      for (let times = 0; times < 3; times++) {
        await writeFile(other, 'new');
        await rename(other, path);
      }
      await rm(path);
      fits = length;
    } catch {
      tooLong = length;
    }
  }
  await rm(plain, { recursive: true });
  return fits;
}

const names: Behaviour = {
  name: 'names',
  about:
    'A file with the longest name that can be renamed over is written, updated and part of a transaction; so ' +
    'are two names that differ only in case.',
  async run(stage) {
    const actor = await stage.actor(0);
    const length = await longestName(stage.folder);
    const path = stage.at('n'.repeat(length));
    const parts: (readonly [string, Verdict])[] = [];
    const part = async (
      name: string,
      path: string,
      content: string,
      perform: () => Promise<unknown>,
    ): Promise<void> => {
      parts.push([name, await written(path, content, perform)]);
    };
    const long = `${length} characters`;
    await part(`${long}, write`, path, 'one', () => actor.call('writeFile', path, 'one'));
    await part(`${long}, update`, path, 'two', async () =>
      actor.do(
        'casWrite',
        path,
        'two',
        (await actor.call<{ version: string }>('readVersioned', path)).version as never,
      ),
    );
    await part(`${long}, transaction`, path, 'three', () =>
      actor.do('transaction', [
        { write: path, content: 'three' },
        { write: stage.at('other'), content: 'three' },
      ]),
    );
    const [small, large] = [stage.at('case'), stage.at('CASE')];
    await part('names that differ in case, transaction', large, 'two', () =>
      actor.do('transaction', [
        { write: small, content: 'one' },
        { write: large, content: 'two' },
      ]),
    );
    await writeFile(small, 'one');
    await part('rename to a name that differs in case', stage.at('Case'), 'one', () =>
      actor.do('transaction', [{ rename: small, to: stage.at('Case') }]),
    );
    parts.push(...(await litterOf(stage)));
    return parts.every(([, { kind }]) => kind === 'holds') ? verdict('holds', `${length} characters`) : together(parts);
  },
};

/** Three files with two names each: those that were there before it was mounted, or new ones. */
async function linkedFiles(stage: Stage): Promise<string | undefined> {
  if (stage.mounted.linked !== undefined) return stage.mounted.linked;
  for (const name of ['one', 'two', 'three', 'four']) {
    await writeFile(stage.at(name), 'old');
    try {
      await link(stage.at(name), stage.at(`other-${name}`));
    } catch {
      return undefined;
    }
  }
  return stage.folder;
}

const links: Behaviour = {
  name: 'hard links',
  about:
    'Files with two names are replaced, removed, renamed over another file and over their own other name. The ' +
    'one name changes as requested, the other one keeps the old content.',
  async run(stage) {
    const folder = await linkedFiles(stage);
    if (folder === undefined) return verdict('not tested', 'it has none');
    const actor = await stage.actor(0);
    const at = (name: string): string => join(folder, name);
    const target = at('target');
    await writeFile(target, 'of another');
    const texts = async (...names: string[]): Promise<string> =>
      (await Promise.all(names.map((name) => textAt(at(name))))).map((text) => text ?? 'absent').join(', ');
    const parts: (readonly [string, Verdict])[] = [];
    const part = async (
      name: string,
      names: readonly [string, string],
      wanted: string,
      perform: () => Promise<unknown>,
    ): Promise<void> => {
      const before = await texts(...names);
      try {
        await perform();
        const after = await texts(...names);
        parts.push([
          name,
          after === wanted
            ? verdict('holds')
            : verdict('VIOLATION', 'resolved, and it is not done', [`${names.join(', ')}: ${after}`]),
        ]);
      } catch (error) {
        if (!(error instanceof ActorError)) throw error;
        const after = await texts(...names);
        const isTrue = after === (error.outcome === 'new' ? wanted : before);
        parts.push([
          name,
          isTrue
            ? verdict('refused', error.code, [error.message])
            : verdict('VIOLATION', `${error.code} says ${error.outcome}`, [
                error.message,
                `${names.join(', ')}: ${after}`,
              ]),
        ]);
      }
    };
    await part('write', ['one', 'other-one'], 'new, old', () => actor.call('writeFile', at('one'), 'new'));
    await part('rename over another', ['two', 'target'], 'absent, old', () =>
      actor.do('transaction', [{ rename: at('two'), to: target }]),
    );
    await part('rename over its other name', ['three', 'other-three'], 'absent, old', () =>
      actor.do('transaction', [{ rename: at('three'), to: at('other-three') }]),
    );
    await part('remove', ['four', 'other-four'], 'absent, old', () =>
      actor.do('transaction', [{ remove: at('four') }]),
    );
    return together(parts);
  },
};

export const naming: readonly Behaviour[] = [names, links];
