import assert from 'node:assert/strict';
import { readdirSync, readlinkSync, writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  atomicWrite,
  createWriter,
  createWriteStream,
  openPending,
  readJson,
  recover,
  replaceDirectory,
  sweep,
  transaction,
  updateFile,
  updateJson,
  writeFile,
  writeFileSync,
} from 'untorn';
import { newFolder } from '../support/folder.ts';

/** What this process has open in a folder, by proc(5): it keeps a filesystem from being unmounted. */
function openIn(folder: string): string[] {
  const targets = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // That of the listing itself.
    }
  });
  return targets.filter((target) => target.startsWith(folder));
}

const linger = false;
const calls: Record<string, (folder: string) => unknown> = {
  writeFile: (folder) => writeFile(join(folder, 'file'), 'new', { linger }),
  'two of writeFile': (folder) =>
    Promise.all(['file', 'other'].map((name) => writeFile(join(folder, name), 'new', { linger }))),
  'writeFile that fails': (folder) => writeFile(join(folder, 'none/file'), 'new', { linger }).catch(() => undefined),
  atomicWrite: (folder) => atomicWrite(join(folder, 'file'), (file) => file.write('new'), { linger }),
  updateFile: (folder) => updateFile(join(folder, 'file'), () => 'new', { linger }),
  updateJson: (folder) => updateJson(join(folder, 'json'), () => 1, { linger }),
  transaction: (folder) =>
    transaction((tx) => void [tx.writeFile(join(folder, 'a'), 'new'), tx.writeFile(join(folder, 'b'), 'new')], {
      linger,
    }),
  'a discarded openPending': async (folder) => (await openPending(join(folder, 'file'), { linger })).discard(),
  createWriteStream: (folder) =>
    new Promise<void>(
      (resolve) => void createWriteStream(join(folder, 'file'), { linger }).on('finish', resolve).end('new'),
    ),
  createWriter: async (folder) => createWriter(join(folder, 'file'), { linger }).write('new'),
  writeFileSync: (folder) => writeFileSync(join(folder, 'file'), 'new', { linger }),
  // These never leave anything open.
  replaceDirectory: (folder) =>
    replaceDirectory(join(folder, 'directory'), (directory) => plainWrite(join(directory, 'file'), '')),
  readJson: (folder) => readJson(join(folder, 'none'), { initial: 1 }),
  recover: (folder) => recover(folder),
  sweep: (folder) => sweep(folder),
};

describe(
  'With linger: false nothing is open when the promise settles',
  { skip: process.platform !== 'linux' && 'only Linux shows what is open' },
  () => {
    for (const [name, call] of Object.entries(calls)) {
      it(`of ${name}`, async (t) => {
        const folder = newFolder(t);
        plainWrite(join(folder, 'file'), 'old');
        await call(folder);
        assert.deepEqual(openIn(folder), []);
      });
    }

    it('while without it a directory stays open until the event loop turns', async (t) => {
      const folder = newFolder(t);
      await writeFile(join(folder, 'file'), 'new');
      assert.ok(openIn(folder).includes(folder));
    });
  },
);
