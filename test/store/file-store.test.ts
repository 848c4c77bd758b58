/** The store on files: what every store does, and what only this one does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { sweep } from 'untorn';
import { openFileStore, openStore, updateBytes, WriteError } from 'untorn/store';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { finished } from '../support/run.ts';
import { scratch } from '../support/scratch.ts';
import { conforms } from './conformance.ts';

describe('a store on files', () => {
  const here = scratch();

  conforms({ open: async () => openStore(`file:${here.at('state')}/`), clients: 4, rounds: 8 });

  it('has one file for each key, and nothing else', async () => {
    const store = await openFileStore(here.folder);
    await store.write('users/Ada', 'content');
    await updateBytes(store, 'count', () => '1');
    await store.write('gone', 'content');
    assert.equal(await store.remove('gone'), true);
    assert.deepEqual(here.names(), ['count', 'users%2f%41da']);
    assert.equal(here.text('users%2f%41da'), 'content');
    assert.deepEqual((await sweep(here.folder)).kept, []);
  });

  it('is the same store by a relative address, an absolute one and a URL', async (t) => {
    const before = process.cwd();
    t.after(() => process.chdir(before));
    process.chdir(here.folder);
    const stores = [
      await openStore('file:state/'),
      await openStore(`file:${here.at('state')}`),
      await openStore(pathToFileURL(here.at('state')).href),
      await openFileStore('state'),
    ];
    process.chdir('/');
    await stores[0]!.write('key', 'content');
    for (const store of stores) {
      assert.equal(store.address, `file:${here.at('state')}/`);
      assert.equal((await store.read('key')).content?.toString(), 'content');
    }
  });

  it('calls an update once, under the lock of the file', async () => {
    const store = await openFileStore(here.folder);
    const calls: string[] = [];
    const update = (name: string) =>
      updateBytes(
        store,
        'key',
        async (old = '') => {
          calls.push(name);
          assert.ok(here.names().includes('.key.untorn-lock'));
          return old + name;
        },
        'utf8',
      );
    await Promise.all(['a', 'b', 'c'].map(update));
    assert.equal(calls.length, 3);
    assert.equal(here.text('key').length, 3);
  });

  it('says what failed, and that the old content is there', async () => {
    const store = await openFileStore(here.folder);
    await store.write('key', 'old');
    await assert.rejects(store.write('key', 'new', { ifMatch: 'absent' }), (error) => {
      assert.ok(WriteError.isWriteError(error));
      assert.deepEqual(
        [error.code, error.outcome, error.path],
        ['ERR_VERSION_CONFLICT', 'old', `file:${here.folder}/key`],
      );
      return true;
    });
    assert.equal(here.text('key'), 'old');
  });

  it('loses no increment of several processes of another user', async (t) => {
    const user = await needsOrdinaryUser(t, here.folder);
    if (user === undefined) return;
    const program = `import { openStore, updateBytes } from 'untorn/store';
      const store = await openStore('file:${here.folder}/');
      for (let turn = 0; turn < 20; turn++) await updateBytes(store, 'count', (old = '0') => String(Number(old) + 1), 'utf8');`;
    const ended = await Promise.all(
      Array.from({ length: 3 }, async () => finished(...user, process.execPath, '--input-type=module', '-e', program)),
    );
    for (const { status, stderr } of ended) assert.equal(status, 0, stderr);
    assert.equal(here.text('count'), '60');
    assert.deepEqual(here.names(), ['count']);
  });

  it('refuses an address that is a path, and a path in the place of a store', async () => {
    for (const address of ['state/', './state', '/tmp/state', 'C:\\state', '', 'http://host/', 'file:'])
      await assert.rejects(openStore(address), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' }, address);
    await assert.rejects(
      updateBytes(here.at('key') as never, 'key', () => 'content'),
      {
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
      },
    );
    assert.deepEqual(here.names(), []);
  });
});
