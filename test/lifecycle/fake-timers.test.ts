import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { newFolder } from '../support/folder.ts';
import { finished } from '../support/run.ts';

/** As test runners do it, before a function is called first: time stands still, and what is to run soon never does. */
const still = `
  import * as untorn from 'untorn';
  import { mkdirSync, readFileSync } from 'node:fs';
  const real = { setTimeout, exit: process.exit.bind(process) };
  const never = () => ({ ref() {}, unref() { return this; } });
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) globalThis[name] = never;
  globalThis.Date = class extends Date { static now() { return 0; } };
  process.hrtime = () => [0, 0];
  process.nextTick = never;
  const [folder] = process.argv.slice(1);
  const at = (name) => folder + '/' + name;
  const { atomicWrite, createWriter, openPending, readJson, readVersioned, recover, replaceDirectory, sweep, transaction, updateFile, updateJson, writeFile, writeJson } = untorn;
`;

const calls = {
  'writeFile()': `await writeFile(at('old'), 'new'); await writeFile(at('made'), new Blob(['new']))`,
  'writeFile() many times at once': `await Promise.all(Array.from({ length: 100 }, (_, i) => writeFile(at(String(i % 3)), 'new')))`,
  'atomicWrite()': `await atomicWrite(at('old'), (file) => file.write('new'))`,
  'openPending()': `const file = await openPending(at('old')); await file.write('new'); await file.commit()`,
  'updateFile() many times at once': `await Promise.all(Array.from({ length: 5 }, () => updateFile(at('old'), (old) => old + 'x', 'utf8')))`,
  'readVersioned()': `await readVersioned(at('old'))`,
  'writeJson(), readJson() and updateJson()': `await writeJson(at('json'), [1]); await readJson(at('json')); await updateJson(at('json'), (value) => [...value, 2])`,
  'createWriter()': `const writer = createWriter(at('old')); await writer.write('new'); await writer.close()`,
  'a writer with a delay, which is flushed': `const writer = createWriter(at('old'), { delay: 100 }); void writer.write('new'); await writer.flush(); await writer.close()`,
  'transaction() and recover()': `await transaction(async (tx) => { await tx.writeFile(at('old'), 'new'); await tx.remove(at('none'), { force: true }); }); await recover(folder)`,
  'replaceDirectory()': `await replaceDirectory(at('site'), async (directory) => mkdirSync(directory + '/inner'))`,
  'sweep()': `await sweep(folder)`,
};

describe('under fake timers', { skip: process.platform === 'win32' && 'replaceDirectory() is not for Windows' }, () => {
  for (const [name, call] of Object.entries(calls)) {
    it(`${name} comes to its end`, async (t) => {
      const folder = newFolder(t);
      writeFileSync(join(folder, 'old'), 'old');
      // If it hangs, Node ends for lack of anything to do (status 13), or by the real clock.
      const source = `${still} real.setTimeout(() => real.exit(9), 60_000).unref(); ${call}; console.log('ended');`;
      const ended = await finished(process.execPath, '--input-type=module', '-e', source, folder);
      assert.deepEqual([ended.stdout, ended.status], ['ended\n', 0], ended.stderr);
    });
  }

  it('the delay of a writer goes by them: it is the program that waits', async (t) => {
    const folder = newFolder(t);
    const source = `
      import { createWriter } from 'untorn';
      import { mock } from 'node:test';
      import { readFileSync } from 'node:fs';
      mock.timers.enable({ apis: ['setTimeout'] });
      const path = process.argv[1] + '/file';
      const written = createWriter(path, { delay: 3_600_000 }).write('new');
      mock.timers.tick(3_600_000);
      await written;
      console.log(readFileSync(path, 'utf8'));`;
    const ended = await finished(process.execPath, '--no-warnings', '--input-type=module', '-e', source, folder);
    assert.deepEqual([ended.stdout, ended.status], ['new\n', 0], ended.stderr);
  });
});
