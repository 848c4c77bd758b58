/**
 * Transactions that were interrupted, and what is not as they left it: a directory that is not there, a copy, files
 * that vanished, other users.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  recover,
  recoverSync,
  transaction,
  transactionSync,
  updateFile,
  updateFileSync,
  type RecoverResult,
} from 'untorn';
import { alice, as, bob, needsUsers, type User } from '../support/as-user.ts';
import { run } from '../support/child.ts';
import { finished, script } from '../support/run.ts';
import { scratch } from '../support/scratch.ts';
import { replacing } from '../support/replacing.ts';

const skip = process.platform === 'win32' ? 'Windows does not show whether a process is alive' : false;

/** Kills the program right before or right after the commit. */
const dying = (when: 'before' | 'after'): string => `
  ${replacing}
  const { renameSync } = fs;
  const die = () => process.kill(process.pid, 'SIGKILL');
  fs.renameSync = (from, to) => {
    const commits = String(to).endsWith('.committed');
    if (commits && '${when}' === 'before') die();
    renameSync(from, to);
    if (commits) die();
  };
  syncBuiltinESMExports();
  const { transactionSync } = await import('untorn');
  const at = (name) => process.argv[1] + '/' + name;`;

describe('a transaction of two directories, killed right after its commit', { skip }, () => {
  const here = scratch();
  const contents = (): Record<string, string> =>
    Object.fromEntries(['a/f1', 'b/f2'].map((name) => [name, here.text(name)]));
  const old = { 'a/f1': 'old 1', 'b/f2': 'old 2' };
  const fresh = { 'a/f1': 'new 1', 'b/f2': 'new 2' };
  const rest = (...folders: string[]): string[] =>
    folders.flatMap((name) => readdirSync(here.at(name)).filter((one) => one.includes('untorn')));

  /** By default `a`, which is made first, is the home. */
  async function interrupt(when: 'before' | 'after' = 'after', user?: User): Promise<void> {
    const begun = `${dying(when)}
      transactionSync((tx) => {
        tx.writeFile(at('a/f1'), 'new 1');
        tx.writeFile(at('b/f2'), 'new 2');
      });`;
    for (const name of ['a', 'b']) if (!existsSync(here.at(name))) mkdirSync(here.at(name));
    for (const [name, content] of Object.entries(old)) writeFileSync(here.at(name), content);
    if (user !== undefined)
      for (const name of ['a', 'b', ...Object.keys(old)]) chownSync(here.at(name), user.uid, user.gid);
    const { signal, stderr } = await run(begun, [here.folder], user === undefined ? {} : { under: as(user) });
    assert.equal(signal, 'SIGKILL', stderr);
    assert.deepEqual(contents(), old);
    assert.ok(rest('a').length > 2 && rest('b').length > 2);
  }

  /** Which of the directories has the record, and which the pointer. */
  function roles(): { home: string; other: string } {
    const home = rest('a').some((name) => name.endsWith('.journal')) ? 'a' : 'b';
    return { home, other: home === 'a' ? 'b' : 'a' };
  }

  const outcomes = ({ files }: RecoverResult): string[] =>
    files.map(({ path, outcome }) => `${outcome} ${String(path).slice(here.folder.length + 1)}`).toSorted();
  const reasons = ({ kept }: RecoverResult): string[] => kept.map(({ reason }) => reason);

  const file = (folder: string): string => here.at(folder === 'a' ? 'a/f1' : 'b/f2');
  const attempts: Record<string, (folder: string) => unknown> = {
    'an update of its file': (folder) =>
      assert.rejects(
        updateFile(file(folder), () => 'update'),
        { code: 'ERR_UNTORN_UNREACHABLE', outcome: 'old' },
      ),
    'a synchronous update of its file': (folder) =>
      assert.throws(() => updateFileSync(file(folder), () => 'update'), { code: 'ERR_UNTORN_UNREACHABLE' }),
    'an update of another file': (folder) => updateFile(here.at(`${folder}/other`), () => 'update'),
    'a first transaction of another file': async (folder) => {
      const source = `const { transaction } = await import('untorn'); await transaction((tx) => tx.writeFile(process.argv[1], 'x')).catch(({ code }) => console.log(code));`;
      assert.equal(
        (await finished(...script(source, { args: [here.at(`${folder}/other`)] }))).stdout,
        'ERR_UNTORN_UNREACHABLE\n',
      );
    },
    'recover()': async (folder) =>
      assert.deepEqual(reasons(await recover(here.at(folder))).slice(0, 1), ['unreachable']),
    'recoverSync()': (folder) => assert.deepEqual(reasons(recoverSync(here.at(folder))).slice(0, 1), ['unreachable']),
    'untorn recover': async (folder) => {
      const { status, stderr } = await finished(process.execPath, 'dist/cli/main.cjs', 'recover', here.at(folder));
      assert.equal(status, 1);
      assert.match(stderr, /cannot be found: it is not mounted, or was moved or replaced/);
    },
  };

  for (const gone of ['home', 'other'] as const) {
    for (const instead of ['nothing', 'an empty directory']) {
      it(`is left alone by everything while its ${gone === 'home' ? 'home' : 'other directory'} is away with ${instead} in its place, and is whole in the end (G9)`, async () => {
        for (const attempt of Object.values(attempts)) {
          await interrupt();
          const { home, other } = roles();
          const [away, left] = gone === 'home' ? [home, other] : [other, home];
          renameSync(here.at(away), here.at('away'));
          if (instead !== 'nothing') mkdirSync(here.at(away));
          await attempt(left);
          rmSync(here.at(`${left}/other`), { force: true });
          if (instead !== 'nothing') rmSync(here.at(away), { recursive: true });
          renameSync(here.at('away'), here.at(away));
          assert.deepEqual(outcomes(await recover(here.at(home))), ['completed a/f1', 'completed b/f2']);
          await recover(here.at(other));
          assert.deepEqual(contents(), fresh);
          assert.deepEqual(rest('a', 'b'), []);
        }
      });
    }
  }

  it('tells which directory is missing', async () => {
    await interrupt();
    const { home, other } = roles();
    renameSync(here.at(other), here.at('away'));
    const found = await recover(here.at(home));
    assert.deepEqual(found.kept[0]?.directories, [here.at(other)]);
    assert.deepEqual(outcomes(found), ['unreachable a/f1', 'unreachable b/f2']);
    assert.deepEqual([found.completed, found.removed], [[], []]);
  });

  it('is removed as far as it can be where it was not committed, and the rest when that is there again (G9, G10)', async () => {
    await interrupt('before');
    const { home, other } = roles();
    renameSync(here.at(other), here.at('away'));
    assert.deepEqual(reasons(await recover(here.at(home))), ['unreachable']);
    await updateFile(file(home), (content) => `${String(content)}er`);
    await finished(
      ...script(
        `const { transaction } = await import('untorn'); await transaction((tx) => tx.writeFile(process.argv[1], 'x'));`,
        { args: [here.at(`${home}/other`)] },
      ),
    );
    assert.equal(here.text(`${home}/other`), 'x');
    renameSync(here.at('away'), here.at(other));
    await recover(here.at(other));
    await recover(here.at(home));
    assert.deepEqual(rest('a', 'b'), []);
  });

  for (const [what, copies] of [
    ['home', ['home']],
    ['other directory', ['other']],
    ['both', ['home', 'other']],
  ] as const) {
    it(`is not completed, nor anything removed, by a recovery in a copy: of ${what} (G9)`, async () => {
      await interrupt();
      const named = roles();
      for (const one of copies) {
        cpSync(here.at(named[one]), here.at(`${one}-copy`), { recursive: true, preserveTimestamps: true });
        const found = await recover(here.at(`${one}-copy`));
        assert.deepEqual([found.completed, found.removed, reasons(found).slice(0, 1)], [[], [], ['copied']]);
        await updateFile(here.at(`${one}-copy/${named[one] === 'a' ? 'f1' : 'f2'}`), () => 'changed');
        await transaction((tx) => tx.writeFile(here.at(`${one}-copy/third`), 'new'));
      }
      assert.deepEqual(contents(), old);
      assert.deepEqual(outcomes(await recover(here.at(named.other))), ['completed a/f1', 'completed b/f2']);
      assert.deepEqual(contents(), fresh);
    });
  }

  it('tells of a file whose new content is gone, and lets nobody complete it silently (G9)', async () => {
    await interrupt();
    const staged = readdirSync(here.at('b')).find((name) => name.includes('untorn-x')) as string;
    unlinkSync(here.at(`b/${staged}`));
    await assert.rejects(
      updateFile(here.at('a/f1'), () => 'update'),
      { code: 'ERR_UNTORN_MISSING' },
    );
    assert.throws(() => transactionSync((tx) => tx.writeFile(here.at('b/other'), 'x')), { code: 'ERR_UNTORN_MISSING' });
    assert.equal(here.text('b/f2'), 'old 2');
    const { status, stdout } = await finished(process.execPath, 'dist/cli/main.cjs', 'recover', here.at('a'));
    assert.equal(status, 1);
    assert.deepEqual(stdout.trim().split('\n').toSorted(), [
      `completed ${here.at('a/f1')}`,
      `missing ${here.at('b/f2')}`,
    ]);
    assert.deepEqual(contents(), { ...old, 'a/f1': 'new 1' });
  });

  it('is found in a directory that has the inode number of one that was used before', async (t) => {
    const numbers = new Set<number>();
    for (let tries = 0; tries < 30; tries++) {
      mkdirSync(here.at('used'));
      transactionSync((tx) => tx.writeFile(here.at('used/file'), 'x'));
      numbers.add(statSync(here.at('used')).ino);
      rmSync(here.at('used'), { recursive: true });
      mkdirSync(here.at('b'));
      if (numbers.has(statSync(here.at('b')).ino)) break;
      rmSync(here.at('b'), { recursive: true });
    }
    if (!existsSync(here.at('b'))) return t.skip('this filesystem gives no number twice');
    await interrupt();
    transactionSync((tx) => tx.writeFile(here.at('b/other'), 'x'));
    assert.deepEqual(contents(), fresh);
  });

  it('does not list what was superseded among what is completed', async () => {
    await interrupt();
    for (const name of ['x', 'b/f2']) writeFileSync(here.at(name), 'newer, and longer');
    renameSync(here.at('x'), here.at('b/f2'));
    const found = await recover(here.at('a'));
    assert.deepEqual([outcomes(found), found.completed], [['completed a/f1', 'superseded b/f2'], [here.at('a/f1')]]);
    assert.equal(here.text('b/f2'), 'newer, and longer');
  });

  for (const when of ['before', 'after'] as const) {
    it(`cannot be decided by another user who may write its directories: killed ${when} the commit (G5, G9)`, async (t) => {
      if (!(await needsUsers(t))) return;
      chmodSync(here.folder, 0o711);
      for (const name of ['a', 'b']) mkdirSync(here.at(name));
      for (const name of ['a', 'b']) chmodSync(here.at(name), 0o777);
      await interrupt(when, alice);
      // All that he can rename he gives the name of the other decision.
      const source = `
        import { readdirSync, renameSync } from 'node:fs';
        const opposite = (name) => name.replace(/(pending|committed)$/, (word) => (word === 'pending' ? 'committed' : 'pending'));
        const turn = (folder) => {
          let names = [];
          try { names = readdirSync(folder); } catch {}
          for (const name of names) {
            try { if (opposite(name) !== name) renameSync(folder + '/' + name, folder + '/' + opposite(name)); } catch {}
            turn(folder + '/' + name);
          }
        };
        for (const name of ['a', 'b']) turn(process.argv[1] + '/' + name);`;
      const turned = await finished(...script(source, { before: as(bob), args: [here.folder] }));
      assert.equal(turned.status, 0, turned.stderr);
      const recovery = `const { recover } = await import('untorn'); for (const name of ['a', 'b']) await recover(process.argv[1] + '/' + name);`;
      const recovered = await finished(...script(recovery, { before: as(alice), args: [here.folder] }));
      assert.equal(recovered.status, 0, recovered.stderr);
      assert.deepEqual(contents(), when === 'before' ? old : fresh);
      assert.deepEqual(rest('a', 'b'), []);
    });
  }

  it('stays what it is when another user hides its record (G9)', async (t) => {
    if (!(await needsUsers(t))) return;
    chmodSync(here.folder, 0o711);
    await interrupt('after', alice);
    const { home, other } = roles();
    const record = rest(home).find((name) => name.endsWith('.journal')) as string;
    renameSync(join(here.at(home), record), here.at('hidden'));
    const source = `const { updateFile } = await import('untorn'); await updateFile(process.argv[1], () => 'update').catch(({ code }) => console.log(code));`;
    const { stdout } = await finished(...script(source, { before: as(alice), args: [file(other)] }));
    assert.equal(stdout, 'ERR_UNTORN_UNREACHABLE\n');
    assert.equal(readFileSync(file(other), 'utf8'), other === 'a' ? 'old 1' : 'old 2');
    renameSync(here.at('hidden'), join(here.at(home), record));
    const recovery = `const { recover } = await import('untorn'); await recover(process.argv[1]);`;
    await finished(...script(recovery, { before: as(alice), args: [here.at(other)] }));
    assert.deepEqual(contents(), fresh);
  });

  it("is not kept from other files by another user's locks and records (G9)", async (t) => {
    if (!(await needsUsers(t))) return;
    chmodSync(here.folder, 0o711);
    mkdirSync(here.at('shared'));
    chmodSync(here.at('shared'), 0o777);
    writeFileSync(here.at('shared/f'), 'old', { mode: 0o666 });
    const planted = `${dying('after')} transactionSync((tx) => tx.writeFile(at('shared/f'), 'new'));`;
    const { signal, stderr } = await run(planted, [here.folder], { under: as(bob) });
    assert.equal(signal, 'SIGKILL', stderr);
    const source = `
      const { recover, transaction } = await import('untorn');
      await transaction((tx) => tx.writeFile(process.argv[1] + '/other', 'new'));
      console.log(JSON.stringify((await recover(process.argv[1])).kept.map(({ reason }) => reason)));`;
    const ended = await finished(...script(source, { before: as(alice), args: [here.at('shared')] }));
    assert.equal(here.text('shared/other'), 'new', ended.stderr);
    assert.equal(here.text('shared/f'), 'old');
    assert.ok((JSON.parse(ended.stdout) as string[]).includes('foreign'));
  });
});
