/** Calls that report an error of what they have done, or of the moment. */
import assert from 'node:assert/strict';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { updateFile, updateFileSync, WriteError } from 'untorn';
import { apis, names, refusedWith } from '../support/apis.ts';
import { mountOdd, type OddFilesystem, type Rule } from './odd-filesystem.ts';

async function errorOf(written: Promise<unknown>): Promise<WriteError> {
  const error: unknown = await written.then(
    () => assert.fail('it resolved'),
    (thrown: unknown) => thrown,
  );
  assert.ok(WriteError.isWriteError(error), String(error));
  return error;
}

/** The file in a filesystem that follows a rule. */
function prepare(odd: OddFilesystem, rule: Rule, old: string | null = 'old'): { path: string; below: string } {
  odd.forget();
  const [path, below] = [join(odd.folder, 'file'), join(odd.below, 'file')];
  if (old !== null) writeFileSync(path, old);
  odd.fail(rule);
  return { path, below };
}

for (const { name, write } of apis) {
  describe(`${name}(), where a call fails after it was done`, () => {
    for (const pathInodes of [false, true]) {
      const where = pathInodes ? 'with inode numbers that follow the path' : 'with inode numbers of their own';
      it(`never says that the old content is in place after a rename, ${where} (G4, G10)`, async (t) => {
        const odd = await mountOdd(t, { pathInodes });
        if (odd === undefined) return;
        for (const code of ['EIO', 'ENOENT', 'ETIMEDOUT', 'EINVAL'] as const) {
          for (const content of ['new', 'another one']) {
            const { path, below } = prepare(odd, { call: 'rename', path: /\/file$/, error: code, after: true });
            const outcome = await write(path, content).then(
              () => 'new',
              ({ outcome: told }: WriteError) => told,
            );
            assert.equal(readFileSync(below, 'utf8'), content);
            assert.ok(outcome !== 'old', `${code}: ${outcome}`);
            if (!pathInodes) assert.equal(outcome, 'new');
            assert.deepEqual(names(odd.below), ['file']);
          }
        }
      });

      it(`says that the old content is in place where a rename was not done, ${where} (G4, G10)`, async (t) => {
        const odd = await mountOdd(t, { pathInodes });
        if (odd === undefined) return;
        const { path, below } = prepare(odd, { call: 'rename', path: /\/file$/, error: 'EIO' });
        await assert.rejects(write(path, 'new'), refusedWith('EIO'));
        assert.deepEqual([readFileSync(below, 'utf8'), names(odd.below)], ['old', ['file']]);
      });

      it(`never says that there is no file after a link, ${where} (G4)`, async (t) => {
        const odd = await mountOdd(t, { pathInodes });
        if (odd === undefined) return;
        for (const code of ['EIO', 'EEXIST'] as const) {
          const { path, below } = prepare(odd, { call: 'link', path: /\/file$/, error: code, after: true }, null);
          const outcome = await write(path, 'new', { overwrite: false }).then(
            () => 'new',
            ({ outcome: told }: WriteError) => told,
          );
          assert.equal(readFileSync(below, 'utf8'), 'new');
          assert.ok(outcome !== 'old', `${code}: ${outcome}`);
          for (const left of names(odd.below)) unlinkSync(join(odd.below, left));
        }
      });
    }

    it('leaves no file that was made although it was refused (G10)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      for (const code of ['EACCES', 'EIO'] as const) {
        const { path } = prepare(odd, { call: 'create', path: /tmp$/, error: code, after: true });
        await assert.rejects(write(path, 'new'), refusedWith(code));
        assert.deepEqual(names(odd.below), ['file']);
      }
    });

    it('names no temporary file that was removed although that failed (G4, G10)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const { path } = prepare(odd, { call: 'unlink', error: 'EIO', after: true });
      odd.fail({ call: 'fsync', path: /tmp$/, error: 'EIO' });
      const error = await errorOf(write(path, 'new'));
      assert.deepEqual([error.outcome, error.temporaryPath, names(odd.below)], ['old', undefined, ['file']]);
    });

    it('creates a file although the temporary name is reported to be there still (G4, G10)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const { path } = prepare(odd, { call: 'unlink', path: /tmp$/, error: 'EIO', after: true }, null);
      await write(path, 'new', { overwrite: false });
      assert.deepEqual(names(odd.below), ['file']);
    });
  });

  describe(`${name}(), where a call fails for a moment`, () => {
    for (const code of ['EACCES', 'EBUSY', 'ETXTBSY', 'ESTALE'] as const) {
      it(`renames again after ${code}, for as long as retry says (G4)`, async (t) => {
        const odd = await mountOdd(t);
        if (odd === undefined) return;
        const { path, below } = prepare(odd, { call: 'rename', path: /\/file$/, error: code, times: 4 });
        await write(path, 'new');
        assert.equal(readFileSync(below, 'utf8'), 'new');
        odd.fail({ call: 'rename', path: /\/file$/, error: code, times: Infinity });
        await assert.rejects(write(path, 'newer', { retry: { timeout: 30 } }), refusedWith(code));
        assert.deepEqual([readFileSync(below, 'utf8'), names(odd.below)], ['new', ['file']]);
      });
    }
  });

  describe(`${name}(), where something is missing`, () => {
    it('says that there are no links to create a file by (G4)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      for (const code of ['EPERM', 'EMLINK', 'ENOTSUP'] as const) {
        const { path } = prepare(odd, { call: 'link', error: code }, null);
        const error = await errorOf(write(path, 'new', { overwrite: false }));
        assert.equal(error.outcome, 'old');
        assert.match(error.message, /hard link \(link\(2\)\), which cannot be made here/);
        assert.deepEqual(names(odd.below), []);
      }
    });

    it('writes in place where it is asked to, whatever the rename says (G4)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      for (const code of ['EBUSY', 'EPERM', 'EACCES', 'EXDEV', 'ENOTSUP', 'EINVAL'] as const) {
        const { path, below } = prepare(odd, { call: 'rename', path: /\/file$/, error: code, times: Infinity });
        assert.equal((await write(path, code, { fallback: 'in-place' })).atomic, false);
        assert.deepEqual([readFileSync(below, 'utf8'), names(odd.below)], [code, ['file']]);
      }
    });

    it('says how to do without an fsync of files, and does (G3, G4)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      for (const code of ['EINVAL', 'ENOTSUP'] as const) {
        const { path, below } = prepare(odd, { call: 'fsync', error: code, times: Infinity });
        const error = await errorOf(write(path, 'new'));
        assert.deepEqual(
          [error.code === code || error.code === 'EOPNOTSUPP', error.outcome, readFileSync(below, 'utf8')],
          [true, 'old', 'old'],
        );
        assert.match(error.message, /sync: 'try'/);
        assert.equal((await write(path, 'new', { sync: 'try' })).durable, 'unsupported');
        assert.equal((await write(path, 'new', { sync: 'try', ifUnchanged: 'skip' })).durable, 'unsupported');
        assert.equal((await write(path, 'newer', { durability: 'off' })).durable, false);
        odd.forget();
        odd.fail({ call: 'fsync', error: 'EIO' });
        await assert.rejects(write(path, 'new', { sync: 'try' }), refusedWith('EIO'));
      }
    });
  });
}

describe('An update, on a filesystem with times of its own', () => {
  for (const [name, update] of [
    ['updateFile', updateFile],
    ['updateFileSync', async (...args: Parameters<typeof updateFileSync>) => updateFileSync(...args)],
  ] as const) {
    it(`${name}() notices a change during the callback (G8)`, async (t) => {
      const odd = await mountOdd(t, { lag: 3600, grain: 2 });
      if (odd === undefined) return;
      const path = join(odd.folder, 'file');
      for (let round = 0; round < 4; round++) {
        writeFileSync(path, 'old');
        await assert.rejects(
          update(path, () => (writeFileSync(path, 'his'), 'new')),
          refusedWith('ERR_VERSION_CONFLICT'),
        );
        assert.equal(readFileSync(path, 'utf8'), 'his');
      }
    });
  }
});
