/** Files that another program saves in place, so that they are half for a moment. */
import assert from 'node:assert/strict';
import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readJson, updateJson } from 'untorn';
import { names } from '../support/apis.ts';
import { ask } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { mountOdd } from './odd-filesystem.ts';

/** Saves a file as a program without care does: empty, half, and whole after a while. */
function saveSlowly(path: string, text: string): Promise<void> {
  writeFileSync(path, text.slice(0, 5));
  return new Promise((resolve) => {
    setTimeout(() => {
      writeFileSync(path, text);
      resolve();
    }, 300);
  });
}

const recovering = { recover: 'backup', onRecover: () => assert.fail('it was taken for damaged') } as const;

describe("recover: 'backup', while another program saves the file", () => {
  for (const [where, lag] of [
    ['this machine', undefined],
    ['a filesystem whose clock is behind', 3600],
  ] as const) {
    it(`reads what it saves, on ${where} (G4)`, async (t) => {
      const folder = lag === undefined ? newFolder(t) : (await mountOdd(t, { lag, grain: 2 }))?.folder;
      if (folder === undefined) return;
      const path = join(folder, 'file');
      writeFileSync(`${path}~`, '{"count":1}');
      const saved = saveSlowly(path, '{"count":2}');
      assert.deepEqual(await readJson(path, recovering), { count: 2 });
      await saved;
    });

    it(`changes what it saves, and displaces nothing, on ${where} (G8)`, async (t) => {
      const folder = lag === undefined ? newFolder(t) : (await mountOdd(t, { lag, grain: 2 }))?.folder;
      if (folder === undefined) return;
      const path = join(folder, 'file');
      writeFileSync(`${path}~`, '{"count":1}');
      const saved = saveSlowly(path, '{"count":2}');
      const { recovery } = await updateJson<{ count: number }>(
        path,
        (value) => ({ count: (value?.count ?? 0) + 1 }),
        recovering,
      );
      await saved;
      assert.deepEqual(
        [recovery, readFileSync(path, 'utf8'), names(folder)],
        [undefined, '{"count":3}', ['file', 'file~']],
      );
    });
  }

  it('waits for a save that is under way, whatever the clock of this machine says (G4)', async (t) => {
    const path = join(newFolder(t), 'file.json');
    writeFileSync(`${path}~`, '{ "from": "a backup" }');
    const value = await ask<unknown>(
      `
      import { writeFileSync } from 'node:fs';
      const { now } = Date;
      Date.now = () => now() + 3_600_000;
      const { updateJson, unchanged } = await import('untorn');
      const [path] = process.argv.slice(1);
      writeFileSync(path, '{ "from": ');
      setTimeout(() => writeFileSync(path, '{ "from": "the save" }'), 100);
      const { value } = await updateJson(path, () => unchanged, { recover: 'backup' });
      console.log(JSON.stringify(value));`,
      [path],
    );
    assert.deepEqual(value, { from: 'the save' });
  });

  it('recovers what has been damaged for long (G4)', async (t) => {
    const path = join(newFolder(t), 'file');
    writeFileSync(`${path}~`, '{"count":1}');
    writeFileSync(path, '{"cou');
    utimesSync(path, 1000, 1000);
    const heard: unknown[] = [];
    assert.deepEqual(await readJson(path, { recover: 'backup', onRecover: (recovery) => heard.push(recovery) }), {
      count: 1,
    });
    assert.equal(heard.length, 1);
  });

  it('is an error where the file never stops changing (G4)', async (t) => {
    const path = join(newFolder(t), 'file');
    writeFileSync(`${path}~`, '{"count":1}');
    const writing = setInterval(() => writeFileSync(path, `{"co${Math.random()}`), 50);
    writeFileSync(path, '{');
    try {
      await assert.rejects(readJson(path, recovering), { code: 'ERR_UNTORN_JSON_SYNTAX' });
    } finally {
      clearInterval(writing);
    }
  });
});
