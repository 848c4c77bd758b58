/**
 * A directory that is moved, or exchanged for another, while a file in it is written; and a file that becomes a link.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import {
  atomicWrite,
  createWriteStream,
  openPending,
  openPendingSync,
  readVersioned,
  updateFile,
  updateFileSync,
  writeFile,
  type WriteOptions,
  type WriteResult,
} from 'untorn';
import { names, refusedWith } from '../support/apis.ts';
import { newFolder } from '../support/folder.ts';

/** Ways of writing in the middle of which something can happen. */
const ways: Record<string, (path: string, meanwhile: () => void, options?: WriteOptions) => Promise<WriteResult>> = {
  async openPending(path, meanwhile, options) {
    const file = await openPending(path, options);
    await file.write('new');
    meanwhile();
    return file.commit();
  },
  async openPendingSync(path, meanwhile, options) {
    const file = openPendingSync(path, options);
    file.write('new');
    meanwhile();
    return file.commit();
  },
  atomicWrite: (path, meanwhile, options) =>
    atomicWrite(
      path,
      async (file) => {
        await file.write('new');
        meanwhile();
      },
      options,
    ),
  createWriteStream: (path, meanwhile, options) =>
    new Promise((resolve, reject) => {
      const stream = createWriteStream(path, options);
      stream.on('error', reject).on('close', () => stream.result !== undefined && resolve(stream.result));
      stream.write('new', () => {
        meanwhile();
        stream.end();
      });
    }),
  writeFile: (path, meanwhile, options) =>
    writeFile(
      path,
      (async function* () {
        yield 'new';
        meanwhile();
      })(),
      options,
    ),
};

const updates: typeof ways = {
  updateFile: (path, meanwhile) => updateFile(path, () => (meanwhile(), 'new')),
  updateFileSync: async (path, meanwhile) => updateFileSync(path, () => (meanwhile(), 'new')),
};

for (const [name, write] of Object.entries({ ...ways, ...updates })) {
  describe(`${name}(), while its directory is moved`, () => {
    it('is an error where another directory has its path (G4, G10)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'd', 'file');
      mkdirSync(dirname(path));
      writeFileSync(path, 'old');
      const meanwhile = (): void => {
        renameSync(dirname(path), join(folder, 'moved'));
        mkdirSync(dirname(path));
      };
      // An update may find that its lock is not there any more, which is as true.
      await assert.rejects(
        write(path, meanwhile),
        ({ code, outcome }) => ['ERR_UNTORN_MOVED', 'ERR_LOCK_LOST'].includes(code) && outcome === 'old',
      );
      assert.deepEqual([names(dirname(path)), readFileSync(join(folder, 'moved', 'file'), 'utf8')], [[], 'old']);
      assert.deepEqual(
        names(join(folder, 'moved')).filter((one) => !one.endsWith('.untorn-lock')),
        ['file'],
      );
    });

    it('is an error where a link to it leads elsewhere by now (G4, G10)', async (t) => {
      const folder = newFolder(t);
      for (const one of ['one', 'other']) mkdirSync(join(folder, one));
      symlinkSync('one', join(folder, 'link'));
      const path = join(folder, 'link', 'file');
      writeFileSync(path, 'old');
      const meanwhile = (): void => {
        unlinkSync(join(folder, 'link'));
        symlinkSync('other', join(folder, 'link'));
      };
      await assert.rejects(write(path, meanwhile), refusedWith('ERR_UNTORN_MOVED'));
      assert.deepEqual(
        [names(join(folder, 'one')), names(join(folder, 'other')), readFileSync(join(folder, 'one', 'file'), 'utf8')],
        [['file'], [], 'old'],
      );
    });

    it('is an error where it was removed (G4)', async (t) => {
      const folder = newFolder(t);
      const path = join(folder, 'd', 'file');
      mkdirSync(dirname(path));
      await assert.rejects(
        write(path, () => rmSync(dirname(path), { recursive: true })),
        ({ outcome }) => outcome === 'old',
      );
      assert.ok(!existsSync(dirname(path)));
    });
  });
}

for (const [name, write] of Object.entries(ways)) {
  describe(`${name}(), while something else comes to its path`, () => {
    it(
      'goes along with a directory that has another path only, and says which (G4)',
      { skip: process.platform !== 'linux' && 'only Linux tells' },
      async (t) => {
        const folder = newFolder(t);
        const path = join(folder, 'd', 'file');
        mkdirSync(dirname(path));
        const result = await write(path, () => renameSync(dirname(path), join(folder, 'moved')));
        assert.equal(result.path, join(folder, 'moved', 'file'));
        assert.equal(readFileSync(String(result.path), 'utf8'), 'new');
      },
    );

    for (const [symlink, code] of [
      ['refuse', 'ELOOP'],
      ['follow', 'ERR_UNTORN_MOVED'],
    ] as const) {
      it(`does not replace a link, with symlink: '${symlink}' (G4, G10)`, async (t) => {
        const folder = newFolder(t);
        const path = join(folder, 'file');
        writeFileSync(path, 'old');
        const meanwhile = (): void => {
          renameSync(path, join(folder, 'elsewhere'));
          symlinkSync('elsewhere', path);
        };
        await assert.rejects(write(path, meanwhile, { symlink }), refusedWith(code));
        assert.ok(lstatSync(path).isSymbolicLink());
        assert.deepEqual([names(folder), readFileSync(path, 'utf8')], [['elsewhere', 'file'], 'old']);
      });
    }
  });
}

describe('ifMatch', () => {
  it('does not commit through a parent link that leads elsewhere by now (G8)', async (t) => {
    const folder = newFolder(t);
    for (const one of ['one', 'other']) mkdirSync(join(folder, one));
    symlinkSync('one', join(folder, 'link'));
    const path = join(folder, 'link', 'file');
    writeFileSync(path, 'old');
    const { version } = await readVersioned(path);
    const file = await openPending(path, { ifMatch: version });
    await file.write('new');
    unlinkSync(join(folder, 'link'));
    symlinkSync('other', join(folder, 'link'));
    await assert.rejects(file.commit(), refusedWith('ERR_UNTORN_MOVED'));
    assert.deepEqual([names(join(folder, 'one')), names(join(folder, 'other'))], [['file'], []]);
    rmSync(path, { force: true });
    rmdirSync(join(folder, basename('other')));
  });
});
