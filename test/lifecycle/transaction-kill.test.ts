/** A transaction in a process that is killed before each of its system calls; recovered, in each way there is. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { describe, it } from 'node:test';
import { recover, recoverSync, transaction, updateFile } from 'untorn';
import { run } from '../support/child.ts';
import { filesystemOf, note } from '../support/evidence.ts';
import { killer, wasKilled } from '../support/killer.ts';
import { replacing } from '../support/replacing.ts';

const programs = {
  transaction: `await untorn.transaction(async (tx) => {
    await tx.writeFile(at('d/f'), 'new', { backup: 'simple' });
    await tx.writeFile(at('e/g'), 'new');
    await tx.remove(at('e/h'));
    await tx.rename(at('d/i'), at('e/i'));
  }, { lock: { files: [at('e/g')] } });`,
  transactionSync: `untorn.transactionSync((tx) => {
    tx.writeFile(at('d/f'), 'new', { backup: 'simple' });
    tx.writeFile(at('e/g'), 'new');
    tx.remove(at('e/h'));
    tx.rename(at('d/i'), at('e/i'));
  });`,
};

const before = { 'd/f': 'old', 'd/i': 'old i', 'e/g': 'old', 'e/h': 'old' };
const after = { 'd/f': 'new', 'd/f~': 'old', 'e/g': 'new', 'e/i': 'old i' };

function prepare(): string {
  const folder = mkdtempSync(join(tmpdir(), 'untorn-kill-'));
  for (const directory of ['d', 'e']) mkdirSync(join(folder, directory));
  for (const [name, content] of Object.entries(before)) writeFileSync(join(folder, name), content);
  return folder;
}

function contents(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const left = entries.filter((entry) => entry.name.includes('untorn'));
  assert.deepEqual(
    left.map(({ name }) => name),
    [],
  );
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(folder.length + 1)
        .replaceAll(sep, '/'),
    );
  return Object.fromEntries(files.toSorted().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** Whoever comes next puts things right: one that recovers, or one that takes a lock. */
const successors: readonly ((folder: string) => Promise<unknown>)[] = [
  async (folder) => {
    for (const name of ['d', 'e']) assert.deepEqual((await recover(join(folder, name))).kept, []);
  },
  async (folder) => {
    for (const name of ['e', 'd']) assert.deepEqual(recoverSync(join(folder, name)).kept, []);
  },
  (folder) => Promise.all(['e', 'd', 'e', 'd'].map((name) => recover(join(folder, name)))),
  async (folder) => {
    // Neither changes anything but what was left.
    await updateFile(join(folder, 'e/g'), (content) => content as string, 'utf8');
    await transaction(async (tx) => tx.writeFile(join(folder, 'd/f'), await tx.readFile(join(folder, 'd/f'))));
    for (const name of ['d', 'e']) await recover(join(folder, name));
  },
];

const step = process.env['UNTORN_FAULTS'] === 'full' ? 1 : process.platform === 'win32' ? 13 : 5;

describe('a transaction in a process that is killed', { concurrency: 2 }, () => {
  for (const [name, program] of Object.entries(programs)) {
    it(`is all or nothing when it has been recovered, and leaves nothing (G9, G10): ${name}()`, async (t) => {
      const seen = { old: 0, new: 0 };
      for (let call = 0, killed = true; killed; call += step) {
        const folder = prepare();
        const ended = await run(killer + program, [String(call), folder]);
        killed = wasKilled(ended);
        if (!killed) assert.equal(ended.status, 0, ended.stderr);
        try {
          await successors[(call / step) % successors.length]?.(folder);
          const found = contents(folder);
          const state = JSON.stringify(found) === JSON.stringify(before) ? 'old' : 'new';
          assert.deepEqual(found, state === 'old' ? before : after, `killed at call ${call}`);
          assert.ok(killed || state === 'new');
          seen[state]++;
        } finally {
          rmSync(folder, { recursive: true });
        }
      }
      t.diagnostic(`killed ${seen.old} times before the commit, and ${seen.new - 1} times after it`);
      assert.ok(seen.old > 1 && seen.new > 1, JSON.stringify(seen));
      note({
        of: 'kills',
        guarantees: ['G9', 'G10'],
        filesystem: filesystemOf(tmpdir()),
        durabilities: ['full'],
        count: seen.old + seen.new - 1,
        violations: 0,
      });
    });
  }
});

/** Ends right after its commit, where files cannot be linked. */
const exitAfterCommit = `
  ${replacing}
  const refused = Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' });
  const { renameSync } = fs;
  fs.link = (from, to, callback) => process.nextTick(callback, refused);
  fs.linkSync = () => { throw refused; };
  fs.renameSync = (from, to) => {
    renameSync(from, to);
    if (String(to).endsWith('.committed')) process.exit(3);
  };
  syncBuiltinESMExports();
  const untorn = await import('untorn');
  const at = (name) => process.argv[1] + '/' + name;
`;

describe('a transaction in a process that exits after the commit', () => {
  for (const [name, program] of Object.entries(programs)) {
    it(`is completed by the recovery, also where it had to copy what it renames and backs up (G9): ${name}()`, async () => {
      const folder = prepare();
      try {
        const { status, stderr } = await run(exitAfterCommit + program, [folder]);
        assert.equal(status, 3, stderr);
        assert.deepEqual((await recover(join(folder, 'd'))).kept, []);
        assert.deepEqual(contents(folder), after);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
