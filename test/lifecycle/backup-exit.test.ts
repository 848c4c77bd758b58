/** The end of a process in the middle of a write with a backup leaves the file, its backups, and nothing else. */
import assert from 'node:assert/strict';
import { linkSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { start } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { replacing } from '../support/replacing.ts';

/** Ends the process when a call of the asynchronous API has been handed over, and before anybody hears of it. */
const program = `
  ${replacing}
  const [path, at, backup, how, canLink] = process.argv.slice(1);
  let left = Number(at), armed = false;
  const end = () => (how === 'exit' ? process.exit(7) : process.kill(process.pid, 'SIGTERM'));
  if (canLink === 'no') fs.link = (from, to, done) => setImmediate(done, Object.assign(new Error('EPERM'), { code: 'EPERM' }));
  for (const name of ['open', 'close', 'write', 'link', 'rename', 'unlink', 'fsync', 'lstat', 'fstat']) {
    const call = fs[name];
    fs[name] = (...args) => {
      call(...args);
      if (armed && left-- === 0) end();
    };
  }
  syncBuiltinESMExports();
  const { writeFile } = await import('untorn');
  armed = true;
  await writeFile(path, 'new', { backup: JSON.parse(backup) });
  armed = false;`;

async function endedAt(t: TestContext, backup: unknown, canLink: string, at: number): Promise<boolean> {
  const folder = newFolder(t);
  const path = join(folder, 'f');
  for (const name of ['f', 'f~', 'f.~1~', 'f.~2~']) writeFileSync(join(folder, name), name === 'f' ? 'old' : 'older');
  linkSync(path, join(folder, 'other'));
  const { status, signal, stderr } = await start(program, [
    path,
    String(at),
    JSON.stringify(backup),
    at % 4 < 2 ? 'exit' : 'SIGTERM',
    canLink,
  ]).ended;
  const ended = status === 0 && signal === null;
  assert.ok(ended || (at % 4 < 2 ? status === 7 : signal === 'SIGTERM'), stderr);
  const what = `ended at call ${at}`;
  const content = readFileSync(path, 'utf8');
  assert.ok(content === 'new' || (!ended && content === 'old'), what);
  const made = backup === 'simple' ? 'f~' : 'f.~3~';
  const names = readdirSync(folder);
  assert.deepEqual(
    names.filter((name) => !['f', 'f~', 'f.~1~', 'f.~2~', 'f.~3~', 'other'].includes(name)),
    [],
    what,
  );
  if (names.includes(made) && (made !== 'f~' || content === 'new'))
    assert.equal(readFileSync(join(folder, made), 'utf8'), 'old', what);
  if (content === 'new') assert.ok(names.includes(made), what);
  return ended;
}

describe('writeFile() with a backup, at the end of the process at any of its calls (G10)', () => {
  const scenarios = [
    ['simple', 'yes'],
    ['simple', 'no'],
    [{ numbered: 2 }, 'yes'],
  ] as const;
  for (const [index, [backup, canLink]] of scenarios.entries()) {
    it(`leaves the file, its backups and nothing else: ${JSON.stringify(backup)}, links: ${canLink}`, async (t) => {
      // Every second call, by turns in either way.
      let at = index % 2;
      while (!(await endedAt(t, backup, canLink, at))) at += 2;
      assert.ok(at > 5);
      t.diagnostic(`up to call ${at}`);
    });
  }
});
