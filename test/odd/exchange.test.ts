/** A real directory in the place of another, where the filesystem does not exchange names, or tells it wrongly. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { replaceDirectory, replaceDirectorySync, WriteError } from 'untorn';
import { names } from '../support/apis.ts';
import { hasNative, needsNative } from '../support/native-part.ts';
import { mountOdd, type OddFilesystem } from './odd-filesystem.ts';

const forms = {
  replaceDirectory,
  replaceDirectorySync: async (...given: Parameters<typeof replaceDirectorySync>) => replaceDirectorySync(...given),
};

function prepare(odd: OddFilesystem): { site: string; next: string } {
  for (const [name, content] of [
    ['site', 'old'],
    ['next', 'new'],
  ] as const) {
    mkdirSync(join(odd.folder, name));
    writeFileSync(join(odd.folder, name, 'file'), content);
  }
  return { site: join(odd.folder, 'site'), next: join(odd.folder, 'next') };
}

const contentOf = (directory: string): string => readFileSync(join(directory, 'file'), 'utf8');

for (const [form, replace] of Object.entries(forms)) {
  describe(`${form}() of a real directory`, () => {
    it('is refused where names are not exchanged, says what to do, and leaves everything as it was (G4)', async (t) => {
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const { site, next } = prepare(odd);
      odd.fail({ call: 'rename', path: /\/site$/, error: 'EINVAL', times: Infinity });
      const why = hasNative
        ? 'which this filesystem does not have (EINVAL)'
        : 'which needs the native part of this package';
      const advice = 'Make the path a symbolic link to the directory instead (mv NAME NAME.1 && ln -s NAME.1 NAME)';
      for (const source of [next, (directory: string) => writeFileSync(join(directory, 'file'), 'new')])
        await assert.rejects(replace(site, source), (error) => {
          assert.ok(WriteError.isWriteError(error));
          assert.deepEqual([error.code, error.outcome], ['ENOTSUP', 'old']);
          assert.ok(error.message.includes(`${why}. ${advice}`), error.message);
          return true;
        });
      assert.deepEqual([contentOf(site), contentOf(next), names(odd.below)], ['old', 'new', ['next', 'site']]);
    });

    it('is done where the filesystem reports an error for an exchange that took place (G4)', async (t) => {
      if (!needsNative(t)) return;
      const odd = await mountOdd(t);
      if (odd === undefined) return;
      const { site, next } = prepare(odd);
      odd.fail({ call: 'rename', path: /\/site$/, error: 'EIO', after: true });
      const { oldPath } = await replace(site, next);
      // Nothing is known of the filesystem, so the old one stays.
      assert.deepEqual([contentOf(site), contentOf(String(oldPath))], ['new', 'old']);
      assert.deepEqual(names(odd.below), [basename(String(oldPath)), 'site']);
    });

    it('is not done where the filesystem fails, or reports success for an exchange that it did not make (G4)', async (t) => {
      if (!needsNative(t)) return;
      for (const error of ['EIO', undefined] as const) {
        const odd = await mountOdd(t);
        if (odd === undefined) return;
        const { site, next } = prepare(odd);
        odd.fail({ call: 'rename', path: /\/site$/, ...(error !== undefined && { error }) });
        await assert.rejects(replace(site, next), { code: 'EIO', outcome: 'old' });
        assert.deepEqual([contentOf(site), contentOf(next), names(odd.below)], ['old', 'new', ['next', 'site']]);
      }
    });
  });
}
