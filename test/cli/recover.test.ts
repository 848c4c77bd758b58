import assert from 'node:assert/strict';
import { renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, start, untorn, type Ended } from './untorn.ts';
import { replacing } from '../support/replacing.ts';

const skip = process.platform === 'win32' ? 'Windows does not show whether a process is alive' : false;

/** A process that is killed right before or right after it commits. */
function killed(when: 'before' | 'after'): string {
  return `${replacing}
    const { renameSync } = fs;
    fs.renameSync = (from, to) => {
      const commits = String(to).endsWith('.committed');
      if (commits && '${when}' === 'before') process.kill(process.pid, 'SIGKILL');
      renameSync(from, to);
      if (commits) process.kill(process.pid, 'SIGKILL');
    };
    syncBuiltinESMExports();`;
}

describe('untorn recover', { skip }, () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
    for (const name of ['a', 'b', 'gone']) writeFileSync(folder.at(name), `old ${name}`);
  });
  afterEach(() => folder.remove());

  async function commitKilled(when: 'before' | 'after'): Promise<void> {
    const changes = [{ write: 'a', content: 'new a' }, { write: 'b', content: 'new b' }, { remove: 'gone' }];
    const { signal, stderr } = await untorn(['commit', '--manifest', '-'], {
      cwd: folder.path,
      input: JSON.stringify(changes),
      preload: killed(when),
    });
    assert.equal(signal, 'SIGKILL', stderr);
    assert.ok(folder.names().length > 3, 'something is left');
  }

  function recover(...options: string[]): Promise<Ended> {
    return untorn(['recover', ...options, folder.path]);
  }

  it('completes what was committed, and prints each file (G9)', async () => {
    await commitKilled('after');
    const { status, stdout, stderr } = await recover();
    assert.deepEqual([status, stderr], [0, '']);
    assert.deepEqual(
      stdout.trim().split('\n').sort(),
      ['a', 'b', 'gone'].map((name) => `completed ${folder.at(name)}`),
    );
    assert.deepEqual([folder.names(), folder.read('a'), folder.read('b')], [['a', 'b'], 'new a', 'new b']);
    assert.deepEqual(await recover(), { status: 0, signal: null, stdout: '', stderr: '' });
  });

  it('removes what another one had staged', async () => {
    await commitKilled('before');
    const { status, stdout, stderr } = await recover();
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^(removed .*\n)+$/);
    assert.deepEqual([folder.read('a'), folder.read('b'), folder.read('gone')], ['old a', 'old b', 'old gone']);
    assert.deepEqual(folder.names(), ['a', 'b', 'gone']);
  });

  it('--json tells all of it', async () => {
    await commitKilled('after');
    const { status, stdout } = await recover('--json');
    assert.equal(status, 0);
    const { completed, files, removed, kept } = JSON.parse(stdout) as Record<string, string[]>;
    assert.deepEqual(
      files,
      completed?.map((path) => ({ path, outcome: 'completed' })),
    );
    assert.deepEqual([completed?.sort(), removed, kept], [['a', 'b', 'gone'].map((name) => folder.at(name)), [], []]);
  });

  it('leaves a transaction alone that is under way', async () => {
    const running = start(['commit', 'a=-'], { cwd: folder.path });
    running.child.stdin?.write('new');
    while (folder.names().length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
    const { status, stdout, stderr } = await recover('--older-than', '0');
    assert.deepEqual([status, stdout], [0, '']);
    assert.match(stderr, /^untorn: Kept ".*": the transaction is under way\n$/);
    assert.equal((await recover('--older-than', '0', '--quiet')).stderr, '');
    running.child.stdin?.end();
    assert.equal((await running.ended).status, 0);
    assert.equal(folder.read('a'), 'new');
  });

  it('says what it cannot put right, and goes on', async () => {
    await commitKilled('after');
    const journal = folder.names().find((name) => name.endsWith('.journal')) as string;
    renameSync(folder.at(journal), folder.at('kept'));
    writeFileSync(folder.at(journal), 'nonsense');
    const broken = await recover('--quiet');
    assert.deepEqual([broken.status, broken.stdout], [1, '']);
    assert.match(
      broken.stderr,
      /^untorn: Kept ".*\.journal": the journal of a transaction is damaged: it is not a directory\n/,
    );
    unlinkSync(folder.at(journal));
    renameSync(folder.at('kept'), folder.at(journal));
    const { status, stdout, stderr } = await untorn(['recover', folder.at('missing'), folder.path]);
    assert.equal(status, 1);
    assert.match(stderr, /^untorn: Cannot recover ".*missing": no such file or directory \(ENOENT\)\n$/);
    assert.match(stdout, /^(completed .*\n){3}$/);
  });
});
