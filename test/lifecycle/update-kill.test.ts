/**
 * An update in a process that is killed before each of its system calls; then another update, which must lose nothing.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { sweep, updateFile, updateFileSync } from 'untorn';
import { run } from '../support/child.ts';
import { filesystemOf, note } from '../support/evidence.ts';
import { killer, wasKilled } from '../support/killer.ts';

const programs = {
  updateFile: "await untorn.updateFile(at('list'), (old) => old + 'killed ', 'utf8');",
  updateFileSync: "untorn.updateFileSync(at('list'), (old) => old + 'killed ', 'utf8');",
  'writeFile with ifMatch':
    "const { content, version } = await untorn.readVersioned(at('list'), 'utf8'); await untorn.writeFile(at('list'), content + 'killed ', { ifMatch: version });",
};

const step = process.env['UNTORN_FAULTS'] === 'full' ? 1 : process.platform === 'win32' ? 7 : 3;

describe('an update in a process that is killed', { concurrency: 2 }, () => {
  for (const [name, program] of Object.entries(programs)) {
    it(`is done or not, and the next one waits for nothing and loses nothing (G8, G10): ${name}()`, async (t) => {
      const seen = { old: 0, new: 0 };
      for (let call = 0, killed = true; killed; call += step) {
        const folder = mkdtempSync(join(tmpdir(), 'untorn-kill-'));
        try {
          writeFileSync(join(folder, 'list'), 'first ');
          const ended = await run(killer + program, [String(call), folder]);
          killed = wasKilled(ended);
          if (!killed) assert.equal(ended.status, 0, ended.stderr);
          const next = (old: string | undefined): string => `${String(old)}next`;
          const options = { encoding: 'utf8', lock: { timeout: 0 } } as const;
          if (call % 2 === 0) await updateFile(join(folder, 'list'), next, options);
          else updateFileSync(join(folder, 'list'), next, options);
          const found = readFileSync(join(folder, 'list'), 'utf8');
          const state = found === 'first next' ? 'old' : 'new';
          assert.equal(found, state === 'old' ? 'first next' : 'first killed next', `killed at call ${call}`);
          assert.ok(killed || state === 'new');
          seen[state]++;
          await sweep(folder);
          assert.deepEqual(readdirSync(folder), ['list'], `killed at call ${call}`);
        } finally {
          rmSync(folder, { recursive: true });
        }
      }
      t.diagnostic(`killed ${seen.old} times before the rename, and ${seen.new - 1} times after it`);
      // Five calls and more come after the rename; without a sync of the directory, as on Windows, fewer than the step.
      assert.ok(seen.old > 1 && (step > 5 || seen.new > 1), JSON.stringify(seen));
      note({
        of: 'kills',
        guarantees: ['G8', 'G10'],
        filesystem: filesystemOf(tmpdir()),
        durabilities: ['full'],
        count: seen.old + seen.new - 1,
        violations: 0,
      });
    });
  }
});
