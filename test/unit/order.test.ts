/** Calls that build on what is there see what all earlier calls of the process have written (G7, G8). */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import {
  appendFile,
  appendFileSync,
  createWriter,
  rename,
  renameSync,
  transaction,
  updateFile,
  updateFileSync,
  writeFile,
  writeFiles,
  type Data,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

const here = scratch();

/** Earlier calls for the file `there/file`, which nobody awaits. */
const earlier: Record<string, () => Promise<unknown>> = {
  'a write': () => writeFile(here.at('there/file'), 'new\n'),
  'a write by a link': () => writeFile(here.at('link'), 'new\n'),
  'a write by a linked directory': () => writeFile(here.at('here/file'), 'new\n'),
  'a write by a path with dots': () => writeFile(`${here.at('there')}/../there/./file`, 'new\n'),
  'a write of an array': () => writeFile(here.at('there/file'), ['ne', 'w\n']),
  'a write of a Blob': () => writeFile(here.at('link'), new Blob(['new\n']) as Data),
  'a write of a generator': () =>
    writeFile(
      here.at('link'),
      (async function* () {
        for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
        yield 'new\n';
      })(),
    ),
  'an update by a link': () => updateFile(here.at('link'), () => 'new\n'),
  'a file of many': () => writeFiles(many(here.at('there/file'))),
  'a file of many, by a link': () => writeFiles(many(here.at('link'))),
  'a value of a writer by a link': () => {
    const writer = createWriter(here.at('link'), { delay: 20 });
    void writer.write('new\n');
    return writer.close();
  },
};

function many(path: string): { path: string; data: string }[] {
  const others = Array.from({ length: 40 }, (_, index) => ({ path: here.at(`other${index}`), data: 'x' }));
  return [...others.slice(0, 20), { path, data: 'new\n' }, ...others.slice(20)];
}

/** Later calls, and the content of the files that they leave. */
const later: Record<string, { readonly call: () => Promise<unknown>; readonly leaves: string; readonly at?: string }> =
  {
    'an update': {
      call: () => updateFile(here.at('there/file'), (old) => `${String(old)}more\n`),
      leaves: 'new\nmore\n',
    },
    'an append': { call: () => appendFile(here.at('there/file'), 'more\n'), leaves: 'new\nmore\n' },
    'a rename': { call: () => rename(here.at('there/file'), here.at('moved')), leaves: 'new\n', at: 'moved' },
    'a transaction': {
      call: () =>
        transaction(
          async (draft) => {
            const content = await draft.readFile(here.at('there/file'), 'utf8');
            await draft.writeFile(here.at('there/file'), `${content}more\n`);
          },
          { lock: { files: [here.at('there/file')] } },
        ),
      leaves: 'new\nmore\n',
    },
  };

function prepare(): void {
  mkdirSync(here.at('there'));
  symlinkSync('there', here.at('here'));
  symlinkSync('there/file', here.at('link'));
  plainWrite(here.at('there/file'), 'old\n');
}

for (const [after, { call, leaves, at = 'there/file' }] of Object.entries(later)) {
  describe(`${after} after calls that nobody awaits`, () => {
    for (const [name, start] of Object.entries(earlier)) {
      it(`sees ${name}`, async () => {
        prepare();
        const began = start();
        await call();
        await began;
        assert.equal(here.text(at), leaves);
      });
    }

    // A transaction has its place when it takes its locks.
    if (after === 'a transaction') return;
    it('comes before a write that was called after it', async () => {
      prepare();
      const calls = [writeFile(here.at('link'), ['new\n']), call(), writeFile(here.at('here/file'), 'last\n')];
      await Promise.all(calls);
      assert.equal(here.text('there/file'), 'last\n');
    });
  });
}

describe('blocking calls after calls that nobody awaits', () => {
  const calls: Record<string, () => unknown> = {
    updateFileSync: () => updateFileSync(here.at('there/file'), (old) => `${String(old)}more\n`),
    appendFileSync: () => appendFileSync(here.at('there/file'), 'more\n'),
    renameSync: () => renameSync(here.at('there/file'), here.at('moved')),
  };
  for (const [name, call] of Object.entries(calls)) {
    for (const [before, start] of Object.entries(earlier)) {
      it(`${name} refuses to come before ${before}`, async () => {
        prepare();
        const began = start();
        assert.throws(call, { code: 'ERR_LOCK_DEADLOCK', outcome: 'old' });
        await began;
        assert.equal(here.text('there/file'), 'new\n');
      });
    }
  }
});

it('an update for which data of the same file never comes ends with its time limit', async () => {
  prepare();
  const feed = new TransformStream<string, string>();
  const began = writeFile(here.at('link'), feed.readable);
  const update = updateFile(here.at('there/file'), () => 'newer\n', { lock: { timeout: 200 } });
  await assert.rejects(update, { code: 'ERR_LOCK_TIMEOUT', outcome: 'old' });
  await updateFile(here.at('there/other'), () => 'other\n');
  const writer = feed.writable.getWriter();
  await writer.write('new\n');
  await writer.close();
  await began;
  assert.equal(here.text('there/file'), 'new\n');
});

it('an update that waits for data of the same file can be aborted, and lets others go on', async () => {
  prepare();
  const feed = new TransformStream<string, string>();
  const began = writeFile(here.at('link'), feed.readable);
  const controller = new AbortController();
  const update = updateFile(here.at('there/file'), () => 'newer\n', { signal: controller.signal });
  const next = writeFile(here.at('there/file'), 'next\n');
  await once(setTimeout(() => controller.abort(), 50) && controller.signal, 'abort');
  await assert.rejects(update, { name: 'AbortError' });
  await next;
  assert.equal(here.text('there/file'), 'next\n');
  const writer = feed.writable.getWriter();
  await writer.write('new\n');
  await writer.close();
  assert.equal((await began).superseded, true);
});
