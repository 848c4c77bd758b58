/** Locks in directories that others write, and what somebody else does to them. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { transaction, updateFile, updateFileSync, writeFile } from 'untorn';
import { alice, as, bob, dev, needsUsers } from '../support/as-user.ts';
import { run, start } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { scratch } from '../support/scratch.ts';
import { leaveLock } from '../support/stale.ts';

const linux = { skip: process.platform === 'linux' ? false : 'processes and threads cannot be seen here' };

const updating = `import { updateFile } from 'untorn';
  const [path, timeout] = process.argv.slice(1);
  await updateFile(path, (old = '') => old + 'new', { encoding: 'utf8', lock: { timeout: Number(timeout) } })
    .then(() => console.log('done'), (error) => console.log(error.code, error.outcome, error.message));`;

const holding = `import { updateFile } from 'untorn';
  setInterval(() => {}, 1000);
  await updateFile(process.argv[1], async () => { console.log('held'); await new Promise(() => {}); });`;

/** All that is in a directory, with the mode and owner of each. */
function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const { mode, uid } = statSync(join(folder, name));
      return `${name} ${mode.toString(8)} ${uid}`;
    });
}

describe('a lock whose directory somebody removes', () => {
  const here = scratch();
  const lock = (): string => here.at('.file.untorn-lock');

  it('is lost, and says so, and nothing is written (G8)', async () => {
    for (const update of [updateFile, updateFileSync] as const) {
      plainWrite(here.at('file'), 'old');
      const change = (): string => {
        rmSync(lock(), { recursive: true });
        return 'new';
      };
      await assert.rejects(async () => update(here.at('file'), change), { code: 'ERR_LOCK_LOST', outcome: 'old' });
      assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    }
  });

  it('while its holder reads a source takes the temporary file along (G8, G10)', async () => {
    plainWrite(here.at('file'), 'old');
    const source = async function* (): AsyncGenerator<string> {
      yield 'half';
      assert.deepEqual(here.names(), ['.file.untorn-lock', 'file']);
      rmSync(lock(), { recursive: true });
      yield 'other half';
    };
    await assert.rejects(
      updateFile(here.at('file'), () => source()),
      { code: 'ERR_LOCK_LOST', outcome: 'old' },
    );
    assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
  });

  it('leaves the next holder alone (G8)', async () => {
    plainWrite(here.at('file'), 'old ');
    const first = updateFile(here.at('file'), async () => {
      rmSync(lock(), { recursive: true });
      const { status, stdout } = await run(updating, [here.at('file'), '10000']);
      assert.deepEqual([status, stdout], [0, 'done']);
      return 'late';
    });
    await assert.rejects(first, { code: 'ERR_LOCK_LOST', outcome: 'old' });
    assert.deepEqual([here.text('file'), here.names()], ['old new', ['file']]);
  });
});

describe('a lock in a sticky directory', () => {
  it("that is another user's is not used: it is waited for, and named (G5)", linux, async (t) => {
    if (!(await needsUsers(t))) return;
    const folder = newFolder(t);
    chmodSync(folder, 0o1777);
    const path = `${folder}/file`;
    const holder = start(holding, [path], { under: as(alice) });
    assert.equal(await holder.line(), 'held');
    const before = listing(folder);
    const { stdout } = await run(updating, [path, '200'], { under: as(bob) });
    assert.match(stdout, /^ERR_LOCK_TIMEOUT old .*user 64001 made in a sticky directory/);
    assert.deepEqual(listing(folder), before);
    holder.process.kill('SIGKILL');
    await holder.ended;
    // Now the superuser may remove it, and the other user may not.
    assert.match((await run(updating, [path, '200'], { under: as(bob) })).stdout, /^ERR_LOCK_TIMEOUT/);
    assert.equal((await run(updating, [path, '10000'])).stdout, 'done');
    assert.deepEqual(readdirSync(folder), ['file']);
  });
});

describe("a note in another user's lock", () => {
  it('is not given to the recovery, not even by the superuser (G5)', linux, async (t) => {
    if (!(await needsUsers(t))) return;
    const folder = newFolder(t);
    chownSync(folder, alice.uid, dev);
    chmodSync(folder, 0o2775);
    const { entry } = leaveLock(folder, 'file', { start: '1' }, Date.now() / 1000, 'a note');
    for (const one of [entry, join(entry, 'note')]) chownSync(one, alice.uid, dev);
    const error = { code: 'ERR_LOCK_UNRESOLVED', outcome: 'old', message: /note is another user's/ };
    await assert.rejects(
      updateFile(`${folder}/file`, () => 'new'),
      error,
    );
    assert.equal(readFileSync(join(entry, 'note'), 'utf8'), 'a note');
  });

  it('or one that is larger than any, costs a look (G5)', linux, async (t) => {
    const folder = newFolder(t);
    const { entry } = leaveLock(folder, 'file', { start: '1' }, Date.now() / 1000, 'a note');
    truncateSync(join(entry, 'note'), 2 ** 40);
    await assert.rejects(
      updateFile(`${folder}/file`, () => 'new'),
      { code: 'ERR_LOCK_UNRESOLVED', message: /too large/ },
    );
  });
});

describe('a ticket', () => {
  const here = scratch();

  it('of a dead process is removed, one of a process that never takes the lock is passed by (G8)', linux, async () => {
    const { entry: dead } = leaveLock(here.folder, 'file', { start: '1' });
    const lock = dirname(dirname(dead));
    // As of a process that lives, and stands still.
    const { entry: alive } = leaveLock(here.folder, 'other', {});
    const [deadTicket, ticket] = [`3.${basename(dead)}`, `1.${basename(alive)}`];
    renameSync(dirname(dead), join(lock, deadTicket));
    renameSync(dirname(alive), join(lock, ticket));
    await updateFile(here.at('file'), () => 'new');
    assert.equal(here.text('file'), 'new');
    assert.deepEqual(readdirSync(lock), [ticket]);
  });

  it('with a number that is as high as any does not hinder (G8)', async () => {
    mkdirSync(here.at('.file.untorn-lock/999999999999999.untorn-l-x'), { recursive: true });
    const { entry } = leaveLock(here.folder, 'other', {});
    mkdirSync(here.at(`.file.untorn-lock/999999999999999.${basename(entry)}`));
    await updateFile(here.at('file'), () => 'new');
    assert.equal(here.text('file'), 'new');
  });
});

describe('two names that share a lock', () => {
  it('as they are long and differ in case only, are locked once by one transaction', async (t) => {
    const folder = newFolder(t);
    const [lower, upper] = [`${folder}/${'n'.repeat(135)}`, `${folder}/${'N'.repeat(135)}`];
    const options = { lock: { timeout: 2000 } };
    await transaction(async (tx) => {
      await tx.writeFile(lower, 'one');
      await tx.writeFile(upper, 'two');
    }, options);
    assert.deepEqual([readFileSync(lower, 'utf8'), readFileSync(upper, 'utf8')], ['one', 'two']);
    assert.equal(readdirSync(folder).length, 2);
  });
});

describe('what a lock makes', () => {
  it(
    'gives the new file what it would have beside the target: the group of a set-gid directory (G6)',
    linux,
    async (t) => {
      if (!(await needsUsers(t))) return;
      const folder = newFolder(t);
      chownSync(folder, 0, dev);
      for (const mode of [0o2750, 0o2775]) {
        chmodSync(folder, mode);
        await writeFile(`${folder}/plain ${mode}`, '');
        await updateFile(`${folder}/updated ${mode}`, () => '');
        const [plain, updated] = ['plain', 'updated'].map((name) => statSync(`${folder}/${name} ${mode}`));
        assert.deepEqual([updated?.mode, updated?.uid, updated?.gid], [plain?.mode, plain?.uid, dev]);
      }
    },
  );
});

describe('a link in the place of the entry of a lock that others may take over', () => {
  // What somebody else does there who may write the directory, at the moment at which it hurts most.
  const exchange = `
    const lock = join(dirname(path), '.file.untorn-lock', 'held');
    const exchange = () => {
      const [entry] = readdirSync(lock);
      renameSync(join(lock, entry), join(dirname(path), 'moved'));
      symlinkSync(process.argv[2], join(lock, entry));
    };`;
  const ends: Record<string, string> = {
    'an exit': 'await updateFile(path, () => { exchange(); process.exit(); });',
    'the end of a transaction': `await transaction(() => { exchange(); }, { lock: { files: [path] } }).catch(() => undefined);`,
    'an update that fails': `
      await updateFile(path, () => {
        writeFileSync(join(lock, readdirSync(lock)[0], 'not ours'), '');
        throw new Error();
      }).catch(() => undefined);
      exchange();`,
  };
  for (const [end, code] of Object.entries(ends)) {
    it(`leads to no file of that name, at ${end} (G5)`, linux, async (t) => {
      const folder = newFolder(t);
      const others = newFolder(t);
      chmodSync(folder, 0o2777);
      plainWrite(`${folder}/file`, 'old');
      plainWrite(`${others}/note`, 'kept');
      const program = `
        import { readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
        import { dirname, join } from 'node:path';
        import { transaction, updateFile } from 'untorn';
        const path = process.argv[1];${exchange}
        ${code}`;
      const { status, stderr } = await run(program, [`${folder}/file`, others]);
      assert.equal(status, 0, stderr);
      assert.ok(readdirSync(folder).includes('moved'));
      assert.deepEqual(readdirSync(others), ['note']);
    });
  }
});
