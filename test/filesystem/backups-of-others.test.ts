/**
 * Backups in a directory that others may write: what they give such a name is not read, not counted and not removed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readJson, updateJson, writeFile } from 'untorn';
import { alice, as, bob, needsUsers, type User } from '../support/as-user.ts';
import { ask } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { needsRoot } from '../support/needs.ts';
import { replacing } from '../support/replacing.ts';

function sharedFolder(t: TestContext): string {
  const folder = newFolder(t);
  chownSync(folder, bob.uid, bob.gid);
  chmodSync(folder, 0o777);
  return folder;
}

/** A file of somebody's. */
function put(path: string, content: string, { uid, gid }: User, mode = 0o644): string {
  writeFileSync(path, content);
  chmodSync(path, mode);
  chownSync(path, uid, gid);
  return path;
}

const superuser: User = { uid: 0, gid: 0 };
const secret = '{"secret":true}';

describe("recover: 'backup', where others may write", () => {
  const plants: Record<string, (backup: string, folder: string, t: TestContext) => void> = {
    'a link to a file of the superuser': (backup, _, t) =>
      symlinkSync(put(join(newFolder(t), 'secret'), secret, superuser, 0o600), backup),
    'a private file of the superuser that was renamed': (backup) => void put(backup, secret, superuser, 0o600),
    'a file of another user': (backup) => void put(backup, secret, alice),
    'a FIFO': (backup) => void spawnSync('mkfifo', [backup]),
    'a directory': (backup) => void mkdirSync(backup),
  };
  for (const [what, plant] of Object.entries(plants)) {
    it(`does not believe ${what}`, async (t) => {
      if (!needsRoot(t)) return;
      for (const suffix of ['~', '.~1~', '.own']) {
        const folder = sharedFolder(t);
        const path = put(join(folder, 'config.json'), '{"dam', bob);
        plant(path + suffix, folder, t);
        const recover = suffix === '.own' ? { backup: path + suffix } : 'backup';
        await assert.rejects(readJson(path, { recover }), { name: 'JsonError' });
        await assert.rejects(
          updateJson(path, (value) => value, { recover }),
          { name: 'JsonError' },
        );
        assert.equal(readFileSync(path, 'utf8'), '{"dam');
      }
    });
  }

  it("reads the backup of the file's owner, and one that only the superuser can have put there", async (t) => {
    if (!(await needsUsers(t))) return;
    const folder = newFolder(t);
    chownSync(folder, alice.uid, alice.gid);
    const path = put(join(folder, 'config.json'), '{"dam', alice);
    put(`${path}~`, '{"good":1}', alice);
    assert.deepEqual(await readJson(path, { recover: 'backup' }), { good: 1 });
    const initial = put(join(newFolder(t), 'initial.json'), '{"initial":1}', superuser);
    const told = await ask(
      `
      import { readJson } from 'untorn';
      console.log(JSON.stringify(await readJson(process.argv[1], { recover: { backup: process.argv[2] } })));`,
      [path, initial],
      { under: as(alice) },
    );
    assert.deepEqual(told, { initial: 1 });
  });

  it('reads the backups that this package has made there', async (t) => {
    if (!needsRoot(t)) return;
    for (const [backup, suffix] of [
      ['simple', '~'],
      [{ numbered: 2 }, '.~1~'],
    ] as const) {
      const path = put(join(sharedFolder(t), 'config.json'), '{"good":1}', bob, 0o664);
      await updateJson(path, () => ({ good: 2 }), { backup });
      assert.ok(existsSync(path + suffix));
      writeFileSync(path, '{"dam');
      assert.deepEqual(await readJson(path, { recover: 'backup' }), { good: 1 });
    }
  });
});

describe('numbered backups', () => {
  const keep = async (path: string, under: string[]): Promise<void> => {
    const program = `
      import { writeFile } from 'untorn';
      for (const content of ['6', '7', '8', '9']) await writeFile(process.argv[1], content, { backup: { numbered: 3 } });
      console.log('null');`;
    await ask(program, [path], { under });
  };
  const numbers = (folder: string): string[] =>
    readdirSync(folder)
      .filter((name) => name.startsWith('f.~'))
      .toSorted();

  it('are not removed for the number of a file of another user, a link or a directory', async (t) => {
    if (!(await needsUsers(t))) return;
    const plants: ((path: string) => void)[] = [
      (path) => void put(path, 'x', bob),
      (path) => symlinkSync('f', path),
      (path) => void mkdirSync(path),
    ];
    for (const plant of plants) {
      const folder = sharedFolder(t);
      const path = put(join(folder, 'f'), '5', alice);
      for (const number of [6, 999_999_999]) plant(`${path}.~${number}~`);
      put(`${path}.~4~`, '4', alice);
      await keep(path, as(alice));
      assert.deepEqual(numbers(folder), ['f.~6~', 'f.~7~', 'f.~8~', 'f.~999999999~', 'f.~9~']);
      assert.deepEqual(
        ['7', '8', '9'].map((number) => readFileSync(`${path}.~${number}~`, 'utf8')),
        ['6', '7', '8'],
      );
    }
  });

  it('go on below a number that is too high to count', async (t) => {
    const folder = newFolder(t);
    const path = join(folder, 'f');
    for (const name of ['f', 'f.~3~', 'f.~999999999~', 'f.~9999999999~']) writeFileSync(join(folder, name), name);
    for (let i = 0; i < 3; i++) await writeFile(path, String(i), { backup: { numbered: 2 } });
    assert.deepEqual(numbers(folder), ['f.~5~', 'f.~6~', 'f.~9999999999~', 'f.~999999999~']);
  });
});

describe('a backup of a file that others exchange meanwhile', () => {
  /** Writes with a backup, in a process in which something happens before a call. */
  const writeWhile = (folder: string, before: string, meanwhile: string, linkError = ''): Promise<{ code?: string }> =>
    ask(
      `
    ${replacing}
    const [path, secret] = process.argv.slice(1);
    const { renameSync, symlinkSync, linkSync } = fs;
    let done = false;
    const call = fs.${before};
    fs.${before} = (name, ...args) => {
      if (!done && (${JSON.stringify(before)} !== 'openSync' || (String(name).endsWith('/f') && !(args[0] & 0o10000000)))) { done = true; ${meanwhile} }
      return call(name, ...args);
    };
    ${linkError && `fs.linkSync = () => { throw Object.assign(new Error('EPERM'), { code: 'EPERM' }); };`}
    syncBuiltinESMExports();
    const { writeFileSync } = await import('untorn');
    let told = {};
    try { writeFileSync(path, 'new', { backup: 'simple', durability: 'off' }); } catch ({ code, outcome }) { told = { code, outcome }; }
    console.log(JSON.stringify({ ...told, done }));`,
      [join(folder, 'f'), join(folder, 'secret')],
    );

  it('is no link that was put there', async (t) => {
    const folder = newFolder(t);
    for (const name of ['f', 'secret']) writeFileSync(join(folder, name), name);
    const told = await writeWhile(folder, 'linkSync', "renameSync(path, path + '.away'); symlinkSync('secret', path);");
    assert.deepEqual(told, { code: 'ERR_VERSION_CONFLICT', outcome: 'old', done: true });
    assert.deepEqual(readdirSync(folder).toSorted(), ['f', 'f.away', 'secret']);
  });

  it('is no copy of a file that fewer may read', async (t) => {
    const folder = newFolder(t);
    put(join(folder, 'f'), 'old', { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, 0o644);
    writeFileSync(join(folder, 'secret'), secret);
    chmodSync(join(folder, 'secret'), 0o600);
    const told = await writeWhile(
      folder,
      'openSync',
      "renameSync(path, path + '.away'); linkSync(secret, path);",
      'EPERM',
    );
    assert.deepEqual(
      [told.code, existsSync(join(folder, 'f~')), lstatSync(join(folder, 'f')).mode & 0o777],
      ['ERR_VERSION_CONFLICT', false, 0o600],
    );
  });
});
