/** One directory in two mounts, of which one is read-only. What one call may do there says nothing of the other. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { appendFile, rename, updateFile, writeFile, writeFileSync } from 'untorn';
import { text } from '../support/apis.ts';
import { newFolder } from '../support/folder.ts';
import { bindMount } from '../support/mount.ts';
import { run } from '../support/run.ts';

interface Mounts {
  readonly writable: string;
  readonly readOnly: string;
}

/** One directory, once more where nothing can be written; undefined, and the test skipped, where that cannot be. */
function mountTwice(t: TestContext): Mounts | undefined {
  const [writable, readOnly] = ['writable', 'read-only'].map((name) => join(newFolder(t), name)) as [string, string];
  for (const folder of [writable, readOnly]) mkdirSync(folder);
  if (bindMount(t, writable, readOnly) === undefined) return undefined;
  run('mount', '-o', 'remount,bind,ro', readOnly);
  return { writable, readOnly };
}

/** How calls ended: the code of each that failed. */
async function codesOf(calls: readonly Promise<unknown>[]): Promise<unknown[]> {
  const ended = await Promise.allSettled(calls);
  return ended.map((one) => (one.status === 'fulfilled' ? 'done' : (one.reason as NodeJS.ErrnoException).code));
}

const calls: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  writeFile: (path) => writeFile(path, 'new\n'),
  updateFile: (path) => updateFile(path, () => 'new\n'),
  appendFile: (path) => appendFile(path, 'new\n'),
  rename: (path) => rename(path, `${path}-renamed`),
};

describe('one directory in two mounts', () => {
  for (const [name, perform] of Object.entries(calls))
    for (const first of ['writable', 'readOnly'] as const)
      it(`is written through the one that is meant by ${name}(), the ${first} one first (G4)`, async (t) => {
        const mounts = mountTwice(t);
        if (mounts === undefined) return;
        for (const file of ['one', 'other']) plainWrite(join(mounts.writable, file), '');
        const second = first === 'writable' ? 'readOnly' : 'writable';
        const codes = await codesOf([perform(join(mounts[first], 'one')), perform(join(mounts[second], 'other'))]);
        assert.deepEqual(codes, first === 'writable' ? ['done', 'EROFS'] : ['EROFS', 'done']);
        const names = readdirSync(mounts.writable).toSorted();
        const [done, not] = first === 'writable' ? ['one', 'other'] : ['other', 'one'];
        const changed = name === 'rename' ? `${done}-renamed` : done;
        assert.deepEqual(names, [changed, not].toSorted());
        assert.deepEqual(
          [text(join(mounts.writable, changed)), text(join(mounts.writable, not))],
          [name === 'rename' ? '' : 'new\n', ''],
        );
      });

  it('lets a blocking call win over one that is under way through the other mount (G7)', async (t) => {
    const folder = newFolder(t);
    const [one, other] = ['one', 'other'].map((name) => join(folder, name)) as [string, string];
    for (const made of [one, other]) mkdirSync(made);
    if (bindMount(t, one, other) === undefined) return;
    for (let round = 0; round < 300; round++) {
      const writing = writeFile(join(one, 'file'), `${round} first`, { durability: 'off' });
      for (let turns = round % 10; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      writeFileSync(join(other, 'file'), `${round} last`, { durability: 'off' });
      await writing;
      assert.equal(text(join(one, 'file')), `${round} last`);
    }
    assert.deepEqual(readdirSync(one), ['file']);
  });

  it('has one queue for a file, whichever mount leads to it (G7)', async (t) => {
    const folder = newFolder(t);
    const [one, other] = ['one', 'other'].map((name) => join(folder, name)) as [string, string];
    for (const made of [one, other]) mkdirSync(made);
    if (bindMount(t, one, other) === undefined) return;
    for (let round = 0; round < 20; round++) {
      const paths = Array.from({ length: 10 }, (_, i) => join(i % 2 === 0 ? one : other, 'file'));
      const results = await Promise.all(paths.map((path, i) => writeFile(path, `${round} ${i}`)));
      assert.equal(results.at(-1)?.superseded, false);
      assert.equal(text(join(one, 'file')), `${round} 9`);
    }
    assert.deepEqual(readdirSync(one), ['file']);
  });
});
