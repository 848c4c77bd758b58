/** Filesystems that say of files what is not so, for a moment or for ever. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  replaceDirectory,
  replaceDirectorySync,
  transaction,
  transactionSync,
  WriteError,
  type TransactionResult,
} from 'untorn';
import { names, refusedWith } from '../support/apis.ts';
import { mountOdd, type OddFilesystem } from './odd-filesystem.ts';

/** Writes one file, removes one, and renames one over another, with a backup of the first. */
const forms: [string, (folder: string) => Promise<TransactionResult>][] = [
  [
    'transaction',
    (folder) =>
      transaction(async (tx) => {
        await tx.writeFile(join(folder, 'written'), 'new', { backup: 'simple' });
        await tx.remove(join(folder, 'removed'));
        await tx.rename(join(folder, 'source'), join(folder, 'target'));
      }),
  ],
  [
    'transactionSync',
    async (folder) =>
      transactionSync((tx) => {
        tx.writeFile(join(folder, 'written'), 'new', { backup: 'simple' });
        tx.remove(join(folder, 'removed'));
        tx.rename(join(folder, 'source'), join(folder, 'target'));
      }),
  ],
];

function prepare({ folder }: OddFilesystem): void {
  for (const name of ['written', 'removed', 'source', 'target']) writeFileSync(join(folder, name), `old ${name}`);
}

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

for (const [form, change] of forms) {
  describe(`${form}() where files are told wrongly`, () => {
    async function doesAll(odd: OddFilesystem): Promise<void> {
      prepare(odd);
      const { files } = await change(odd.folder);
      assert.deepEqual(
        files.map(({ superseded }) => superseded),
        [false, false, false],
      );
      assert.deepEqual(contents(odd.below), { 'target': 'old source', 'written': 'new', 'written~': 'old written' });
    }

    it('does all that it says where a rename changes the time of a file (G4)', async (t) => {
      const odd = await mountOdd(t, { rounding: true });
      if (odd !== undefined) await doesAll(odd);
    });

    for (const pathInodes of [false, true]) {
      it(`does all that it says where the size of a linked file is told wrongly, ${pathInodes ? 'and inodes follow the path' : 'for however long'} (G4)`, async (t) => {
        for (let wrongSize = 1; wrongSize < 24; wrongSize += pathInodes ? 5 : 1) {
          const odd = await mountOdd(t, { wrongSize, pathInodes });
          if (odd !== undefined) await doesAll(odd);
        }
      });
    }

    it('is refused before its commit where nothing is renamed over a file (G4)', async (t) => {
      const odd = await mountOdd(t, { noReplacing: true });
      if (odd === undefined) return;
      prepare(odd);
      const before = contents(odd.below);
      await assert.rejects(change(odd.folder), refusedWith('EPERM'));
      assert.deepEqual(contents(odd.below), before);
    });
  });
}

it('transaction() waits for the size of a linked file while the program goes on (G9)', async (t) => {
  const odd = await mountOdd(t, { wrongSize: 30 });
  if (odd === undefined) return;
  prepare(odd);
  const [[, change]] = forms as [(typeof forms)[0]];
  let looks = 0;
  let most = 0;
  const turn = (): void => {
    const now = odd.calls('stat').filter((path) => path === '/folder/source').length;
    most = Math.max(most, now - looks);
    looks = now;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  await change(odd.folder);
  clearImmediate(next);
  turn();
  clearImmediate(next);
  assert.ok(looks > 30, `${looks} looks`);
  assert.ok(most < 20, `${most} looks, of ${looks}, in one turn`);
});

for (const [form, replace] of [
  ['replaceDirectory', replaceDirectory],
  ['replaceDirectorySync', async (...args: Parameters<typeof replaceDirectory>) => replaceDirectorySync(...args)],
] as const) {
  it(`${form}() looks whether the link was replaced (G4, G10)`, async (t) => {
    const odd = await mountOdd(t);
    if (odd === undefined) return;
    const site = join(odd.folder, 'site');
    const fill = (content: string) => (directory: string) => writeFileSync(join(directory, 'file'), content);
    await replace(site, fill('old'));
    const before = names(odd.below);
    odd.fail({ call: 'rename', path: /\/site$/, since: { call: 'symlink' } });
    await assert.rejects(
      replace(site, fill('new')),
      (error) => WriteError.isWriteError(error) && error.code === 'EIO' && error.outcome === 'old',
    );
    assert.equal(readFileSync(join(odd.below, 'site', 'file'), 'utf8'), 'old');
    assert.deepEqual(names(odd.below), before);
  });
}
