/**
 * The end of a process in the middle of a replacement of a directory leaves the old or the new one, and nothing else.
 */
import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { replaceDirectory } from 'untorn';
import { start } from '../support/child.ts';
import { needsNative, newFolderForLinks } from '../support/native-part.ts';
import { replacing } from '../support/replacing.ts';

const contents = ['a', 'sub/b'];

function fill(directory: string, content: string): void {
  mkdirSync(join(directory, 'sub'), { recursive: true });
  for (const name of contents) writeFileSync(join(directory, name), content);
}

function contentOf(path: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const [a, b] = contents.map((name) => readFileSync(join(path, name), 'utf8'));
  assert.equal(a, b);
  return a;
}

interface Scenario {
  readonly before: 'nothing' | 'a link' | 'a directory';
  readonly source: 'a function' | 'ready';
}

/** Ends the process when a call of the asynchronous API has been handed over, and before anybody hears of it. */
const program = `
  ${replacing}
  const [path, at, source, how] = process.argv.slice(1);
  let left = Number(at), armed = false;
  const end = () => (how === 'exit' ? process.exit(7) : process.kill(process.pid, 'SIGTERM'));
  for (const name of ['open', 'close', 'mkdir', 'rmdir', 'rename', 'unlink', 'fsync', 'lstat', 'fstat', 'stat', 'readdir', 'readlink']) {
    const call = fs[name];
    fs[name] = (...args) => {
      call(...args);
      if (armed && left-- === 0) end();
    };
  }
  syncBuiltinESMExports();
  const { replaceDirectory } = await import('untorn');
  const fill = (directory) => {
    fs.mkdirSync(directory + '/sub');
    for (const name of ['a', 'sub/b']) fs.writeFileSync(directory + '/' + name, 'new');
  };
  armed = true;
  await replaceDirectory(path, source === 'ready' ? path + '-next' : fill);
  armed = false;`;

async function endedAt(t: TestContext, { before, source }: Scenario, how: string, at: number): Promise<boolean> {
  const folder = newFolderForLinks(t);
  const path = join(folder, 'site');
  if (before === 'a directory') fill(path, 'old');
  if (before === 'a link') await replaceDirectory(path, (directory) => fill(directory, 'old'));
  if (source === 'ready') fill(`${path}-next`, 'new');
  const { status, signal, stderr } = await start(program, [path, String(at), source, how]).ended;
  const ended = status === 0 && signal === null;
  assert.ok(ended || (how === 'exit' ? status === 7 : signal === 'SIGTERM'), stderr);
  const what = `ended at call ${at}`;
  const content = contentOf(path);
  assert.ok(
    content === 'new' || (!ended && content === (before === 'nothing' ? undefined : 'old')),
    `${what}: ${content}`,
  );
  if (source === 'ready') assert.equal(existsSync(`${path}-next`), content !== 'new', what);
  const current = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : '';
  assert.deepEqual(
    readdirSync(folder).filter((name) => !['site', 'site-next', current].includes(name)),
    [],
    what,
  );
  return ended;
}

describe(
  'replaceDirectory(), at the end of the process at any of its calls (G10)',
  { skip: process.platform === 'win32' && 'Windows cannot' },
  () => {
    const scenarios: Scenario[] = [
      { before: 'nothing', source: 'ready' },
      { before: 'a link', source: 'a function' },
      { before: 'a directory', source: 'ready' },
    ];
    for (const [index, scenario] of scenarios.entries()) {
      it(`leaves one of both and nothing else: where there was ${scenario.before}, by ${scenario.source}`, async (t) => {
        if (scenario.before === 'a directory' && !needsNative(t)) return;
        // Every second call, which are others in each scenario, by turns in either way.
        let at = index % 2;
        while (!(await endedAt(t, scenario, at % 4 < 2 ? 'exit' : 'SIGTERM', at))) at += 2;
        assert.ok(at > 20);
        t.diagnostic(`up to call ${at}`);
      });
    }
  },
);
