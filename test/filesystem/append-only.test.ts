/** A directory in which names can only be added, and a file that can only grow (chattr +a). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, symlinkSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { replaceDirectory, transaction, unchanged, updateFile, WriteError, writeFile } from 'untorn';
import { afterwards } from '../support/afterwards.ts';
import { newFolder } from '../support/folder.ts';
import { needsRoot, needsTools } from '../support/needs.ts';
import { appends } from '../support/verbs.ts';
import type { TestContext } from 'node:test';

function chattr(how: string, path: string): boolean {
  return spawnSync('chattr', [how, path]).status === 0;
}

/** A folder with two files and a link to a directory, to which nothing but names can be done; undefined where that cannot be. */
function appendOnly(t: TestContext): string | undefined {
  if (!needsRoot(t) || !needsTools(t, 'chattr')) return undefined;
  const folder = newFolder(t);
  for (const name of ['one', 'two']) writeFileSync(`${folder}/${name}`, 'old');
  mkdirSync(`${folder}/version`);
  symlinkSync('version', `${folder}/link`);
  afterwards(t, () => void chattr('-a', folder));
  if (chattr('+a', folder)) return folder;
  t.skip('this filesystem has no append-only directories');
  return undefined;
}

type Call = (folder: string) => Promise<unknown>;

const calls: Record<string, Call> = {
  writeFile: (folder) => writeFile(`${folder}/one`, 'new'),
  updateFile: (folder) => updateFile(`${folder}/one`, () => 'new'),
  transaction: (folder) =>
    transaction(async (files) => {
      for (const name of ['one', 'two']) await files.writeFile(`${folder}/${name}`, 'new');
    }),
  replaceDirectory: (folder) => replaceDirectory(`${folder}/link`, (path) => writeFileSync(`${path}/file`, 'new')),
};

/** What holds content, or is in the way of a later call. */
function litterIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => {
    if (['one', 'two', 'version', 'link'].includes(name)) return false;
    return !name.endsWith('.untorn-lock') || readdirSync(`${folder}/${name}`).length > 0;
  });
}

describe('a directory that is append-only', () => {
  for (const [name, call] of Object.entries(calls)) {
    it(`is refused by ${name}, with what stays (G4, G10)`, async (t) => {
      const folder = appendOnly(t);
      if (folder === undefined) return;
      const error: unknown = await call(folder).catch((reason: unknown) => reason);
      assert.ok(WriteError.isWriteError(error));
      assert.deepEqual([error.code, error.outcome], ['EPERM', 'old']);
      for (const one of ['one', 'two']) assert.equal(readFileSync(`${folder}/${one}`, 'utf8'), 'old');
      if (error.temporaryPath !== undefined) assert.ok(existsSync(error.temporaryPath));
      chattr('-a', folder);
      await call(folder);
      const named = error.temporaryPath === undefined ? [] : [basename(error.temporaryPath.toString())];
      // What was staged, and a directory, are for whoever recovers or sweeps when this process has ended.
      const others = litterIn(folder).filter((left) => !/untorn-[vdx]-/.test(left));
      assert.deepEqual(
        others,
        named.filter((left) => others.includes(left)),
      );
    });
  }

  it('does not hinder an update that changes nothing, one after the other (G8)', async (t) => {
    const folder = appendOnly(t);
    if (folder === undefined) return;
    for (let count = 0; count < 3; count++) await updateFile(`${folder}/one`, () => unchanged);
    assert.deepEqual(litterIn(folder), []);
  });
});

for (const { name, call } of appends) {
  describe(`${name}() and a log that is append-only`, () => {
    it('leaves no copy of a torn end that it may not cut (G4, G10)', async (t) => {
      if (!needsRoot(t) || !needsTools(t, 'chattr')) return;
      const folder = newFolder(t);
      const log = join(folder, 'log');
      writeFileSync(log, 'one\ntorn');
      afterwards(t, () => void chattr('-a', log));
      if (!chattr('+a', log)) {
        t.skip('this filesystem has no append-only files');
        return;
      }
      for (let count = 0; count < 2; count++)
        await assert.rejects(call(log, 'two\n'), (error) => {
          assert.ok(WriteError.isWriteError(error));
          assert.deepEqual([error.code, error.outcome, error.step], ['EPERM', 'old', 'cut']);
          return true;
        });
      assert.deepEqual([readFileSync(log, 'utf8'), readdirSync(folder)], ['one\ntorn', ['log']]);
      chattr('-a', log);
      assert.equal((await call(log, 'two\n')).torn?.bytes, 4);
      assert.equal(readFileSync(log, 'utf8'), 'one\ntwo\n');
    });
  });
}
