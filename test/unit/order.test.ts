/** Writes that nobody awaits, before a call that builds on what is there: it sees them, or they fail (G7, G8). */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { appendFile, rename, transaction, updateFile, WriteError, writeFile, writeFiles } from 'untorn';
import { scratch } from '../support/scratch.ts';

const here = scratch();

function many(path: string): { path: string; data: string }[] {
  const others = Array.from({ length: 40 }, (_, index) => ({ path: here.at(`other${index}`), data: 'x' }));
  return [...others.slice(0, 20), { path, data: 'new\n' }, ...others.slice(20)];
}

const bySamePath: Record<string, () => Promise<unknown>> = {
  'a write': () => writeFile(here.at('there/file'), 'new\n'),
  'a file of many': () => writeFiles(many(here.at('there/file'))),
  'an update': () => updateFile(here.at('there/file'), () => 'new\n'),
};

const others: Record<string, () => Promise<unknown>> = {
  'a write by a link': () => writeFile(here.at('link'), 'new\n'),
  'a write by a linked directory': () => writeFile(here.at('here/file'), 'new\n'),
  'a write by a path with dots': () => writeFile(`${here.at('there')}/../there/./file`, 'new\n'),
  'a write of an array': () => writeFile(here.at('there/file'), ['ne', 'w\n']),
  'a write of a Blob': () => writeFile(here.at('there/file'), new Blob(['new\n'])),
  'a file of many, by a link': () => writeFiles(many(here.at('link'))),
};

const later: Record<string, () => Promise<unknown>> = {
  'an update': () => updateFile(here.at('there/file'), (old) => `${String(old)}more\n`),
  'an append': () => appendFile(here.at('there/file'), 'more\n'),
  'a transaction': () =>
    transaction(
      async (draft) => {
        const content = await draft.readFile(here.at('there/file'), 'utf8');
        await draft.writeFile(here.at('there/file'), `${content}more\n`);
      },
      { lock: { files: [here.at('there/file')] } },
    ),
};

function prepare(): void {
  mkdirSync(here.at('there'));
  symlinkSync('there', here.at('here'));
  symlinkSync('there/file', here.at('link'));
  plainWrite(here.at('there/file'), 'old\n');
}

/** Whether a call, or the one of several that failed, was overtaken, and changed nothing. */
async function isOvertaken(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return false;
  } catch (error) {
    const [one] = error instanceof AggregateError ? error.errors : [error];
    assert.ok(WriteError.isWriteError(one), String(error));
    assert.deepEqual([one.code, one.outcome], ['ERR_UNTORN_OVERTAKEN', 'old']);
    return true;
  }
}

for (const [name, call] of Object.entries(later)) {
  describe(`${name} after writes that nobody awaits`, () => {
    // A transaction has its place when it takes its locks, and knows no paths.
    if (name !== 'a transaction')
      for (const [what, start] of Object.entries(bySamePath))
        it(`sees ${what} by the same path`, async () => {
          prepare();
          const began = start();
          await call();
          await began;
          assert.equal(here.text('there/file'), 'new\nmore\n');
        });

    for (const [what, start] of Object.entries({ ...bySamePath, ...others }))
      it(`sees ${what}, or lets it fail`, async () => {
        prepare();
        const began = isOvertaken(start());
        await call();
        const old = (await began) ? 'old' : 'new';
        assert.equal(here.text('there/file'), `${old}\nmore\n`);
      });
  });
}

describe('a rename after writes that nobody awaits', () => {
  for (const [what, start] of Object.entries(bySamePath))
    it(`renames ${what} by the same path`, async () => {
      prepare();
      const began = start();
      await rename(here.at('there/file'), here.at('moved'));
      await began;
      assert.deepEqual([here.text('moved'), existsSync(here.at('there/file'))], ['new\n', false]);
    });

  for (const [what, start] of Object.entries(others))
    it(`renames ${what}, or it makes the file anew`, async () => {
      prepare();
      const began = start();
      await rename(here.at('there/file'), here.at('moved'));
      await began;
      const found = ['moved', 'there/file'].map((file) => (existsSync(here.at(file)) ? here.text(file) : undefined));
      assert.ok(found.includes('new\n'), found.join());
    });
});
