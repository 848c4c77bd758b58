/** Behaviour: a directory in which other users can exchange what has a name, as a group's or everybody's. */
import { chmod, writeFile } from 'node:fs/promises';
import { Place } from './place.ts';
import type { Behaviour } from './stage.ts';
import { together, type Verdict } from './verdict.ts';
import { litterOf, written } from './writing.ts';

const shared: Behaviour = {
  name: 'shared directory',
  about: 'In a directory that everybody may write, a file is written, created only, updated and part of a transaction.',
  async run(stage) {
    await chmod(stage.folder, 0o777).catch(() => undefined);
    const actor = await stage.actor(0);
    const path = stage.at('file');
    await writeFile(path, 'first');
    await Place.run('setfattr', '-n', 'user.note', '-v', 'kept', path).catch(() => undefined);
    const parts: (readonly [string, Verdict])[] = [];
    const part = async (
      name: string,
      path: string,
      content: string,
      perform: () => Promise<unknown>,
    ): Promise<void> => {
      parts.push([name, await written(path, content, perform)]);
    };
    await part('write', path, 'second', () => actor.call('writeFile', path, 'second'));
    await part('create only', stage.at('new'), 'new', () =>
      actor.call('writeFile', stage.at('new'), 'new', { overwrite: false }),
    );
    const { version } = await actor.call<{ version: string }>('readVersioned', path);
    await part('update', path, 'third', () => actor.do('casWrite', path, 'third', version as never));
    await part('transaction', path, 'fourth', () =>
      actor.do('transaction', [
        { write: path, content: 'fourth' },
        { write: stage.at('new'), content: 'fourth' },
      ]),
    );
    return together([...parts, ...(await litterOf(stage))]);
  },
};

export const sharing: readonly Behaviour[] = [shared];
