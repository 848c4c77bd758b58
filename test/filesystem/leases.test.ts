/** Files that another program has a lease of, as a server of SMB: it is asked to give it up, which may take a while. */
import assert from 'node:assert/strict';
import { writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  appendFile,
  appendFileSync,
  copyFile,
  copyFileSync,
  readJson,
  readJsonSync,
  readVersioned,
  readVersionedSync,
  rename,
  renameSync,
  transaction,
  updateFile,
  updateFileSync,
  writeFile,
  writeFileSync,
} from 'untorn';
import { text } from '../support/apis.ts';
import { newFolder } from '../support/folder.ts';
import { needsNative } from '../support/native-part.ts';
import { lease } from '../support/lease.ts';
import { bindMount, mountNew } from '../support/mount.ts';
import { needsTools } from '../support/needs.ts';
import { run } from '../support/run.ts';
import { scratch } from '../support/scratch.ts';

/** Each call opens the file "1\n", and may write into the folder beside it. */
const calls: Record<string, (path: string, other: string) => unknown> = {
  readVersioned: (path) => readVersioned(path),
  readVersionedSync: (path) => readVersionedSync(path),
  readJson: (path) => readJson(path),
  readJsonSync: (path) => readJsonSync(path),
  updateFile: (path) => updateFile(path, () => 'new'),
  updateFileSync: (path) => updateFileSync(path, () => 'new'),
  copyFile: (path, other) => copyFile(path, other),
  copyFileSync: (path, other) => copyFileSync(path, other),
  rename: (path, other) => rename(path, other),
  renameSync: (path, other) => renameSync(path, other),
  appendFile: (path) => appendFile(path, 'new\n'),
  appendFileSync: (path) => appendFileSync(path, 'new\n'),
  'writeFile with a backup': (path) => writeFile(path, 'new', { backup: 'simple' }),
  'writeFileSync with a backup': (path) => writeFileSync(path, 'new', { backup: 'simple' }),
  'writeFile that skips the same content': (path) => writeFile(path, '1\n', { ifUnchanged: 'skip' }),
  'writeFileSync that skips the same content': (path) => writeFileSync(path, '1\n', { ifUnchanged: 'skip' }),
  'transaction': (path) =>
    transaction(async (files) => {
      await files.writeFile(path, await files.readFile(path));
    }),
};

const abortable: Record<string, (path: string, signal: AbortSignal) => Promise<unknown>> = {
  readVersioned: (path, signal) => readVersioned(path, { signal }),
  updateFile: (path, signal) => updateFile(path, () => 'new', { signal }),
  copyFile: (path, signal) => copyFile(path, `${path}-2`, { signal }),
  rename: (path, signal) => rename(path, `${path}-2`, { signal }),
  appendFile: (path, signal) => appendFile(path, 'new\n', { signal }),
};

describe('A file that another program has a lease of', () => {
  const here = scratch();

  for (const [name, call] of Object.entries(calls)) {
    it(`is waited for by ${name}`, async (t) => {
      plainWrite(here.at('file'), '1\n');
      if ((await lease(t, here.at('file'), 'gives it up')) === undefined) return;
      await call(here.at('file'), here.at('other'));
    });
  }

  for (const name of ['writeFile', 'writeFileSync'] as const) {
    it(`is waited for by ${name}, if it has to be written in place`, async (t) => {
      const folder = newFolder(t);
      const [path, source] = [join(folder, 'file'), join(folder, 'source')];
      for (const file of [path, source]) plainWrite(file, 'old');
      if (bindMount(t, source, path) === undefined) return;
      if ((await lease(t, path, 'gives it up')) === undefined) return;
      const { atomic } = await { writeFile, writeFileSync }[name](path, 'new', { fallback: 'in-place' });
      assert.deepEqual([atomic, text(path)], [false, 'new']);
    });
  }

  for (const [name, call] of Object.entries(abortable)) {
    it(`is waited for by ${name} until an abort, and nothing else waits meanwhile`, async (t) => {
      plainWrite(here.at('file'), 'old');
      const holder = await lease(t, here.at('file'), 'keeps it');
      if (holder === undefined) return;
      const controller = new AbortController();
      const ended = assert.rejects(call(here.at('file'), controller.signal), { name: 'AbortError' });
      assert.equal((await holder.next()).value, 'asked');
      await writeFile(here.at('other'), 'written meanwhile');
      controller.abort();
      await ended;
    });
  }

  for (const name of ['writeFile', 'writeFileSync'] as const) {
    it(`keeps its flags: ${name} (G5)`, async (t) => {
      if (!needsNative(t) || !needsTools(t, 'chattr')) return;
      const mount = mountNew(t, 'ext4');
      if (mount === undefined) return;
      const path = join(mount, 'file');
      plainWrite(path, 'old');
      run('chattr', '+d', path);
      if ((await lease(t, path, 'gives it up')) === undefined) return;
      assert.deepEqual((await { writeFile, writeFileSync }[name](path, 'new')).notKept, []);
      assert.equal(text(path), 'new');
      assert.match(run('lsattr', path), /^\S*d/);
    });
  }
});
