/**
 * Renames, removals, links, copies and appended records in a process that is killed before each of its system calls;
 * then what is there must be old or new, and the next call must lose nothing.
 */
import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { appendFileSync, sweep, updateFileSync } from 'untorn';
import { run } from '../support/child.ts';
import { filesystemOf, note } from '../support/evidence.ts';
import { killer, wasKilled } from '../support/killer.ts';

type State = Readonly<Record<string, string>>;

interface Scenario {
  readonly program: string;
  readonly before: State;
  /** The states that a kill may leave, the new one last. */
  readonly after: readonly State[];
}

const lines = `${'x'.repeat(100_000)}\n`;

const scenarios: Record<string, Scenario> = {
  'rename': {
    program: "await untorn.rename(at('from'), at('below/to'));",
    before: { 'from': 'content', 'below/to': 'old' },
    after: [{ 'below/to': 'content' }],
  },
  'renameSync to a new name': {
    program: "untorn.renameSync(at('from'), at('to'), { overwrite: false });",
    before: { from: 'content' },
    // Without the native part the file has both names for a moment.
    after: [{ from: 'content', to: 'content' }, { to: 'content' }],
  },
  'remove of a version': {
    program:
      "const { version } = untorn.readVersionedSync(at('file')); await untorn.remove(at('file'), { ifMatch: version });",
    before: { file: 'content' },
    after: [{}],
  },
  'removeSync': {
    program: "untorn.removeSync(at('file'));",
    before: { file: 'content' },
    after: [{}],
  },
  'symlink': {
    program: "await untorn.symlink('somewhere', at('link'));",
    before: { link: 'content' },
    after: [{ link: '-> somewhere' }],
  },
  'copyFile': {
    program: "await untorn.copyFile(at('from'), at('to'));",
    before: { from: lines, to: 'old' },
    after: [{ from: lines, to: lines }],
  },
  'appendFile to a torn file': {
    program: `await untorn.appendFile(at('log'), '${'y'.repeat(100)}\\n');`,
    before: { log: `${lines}torn` },
    after: [{ log: lines }, { log: `${lines}${'y'.repeat(100)}\n` }],
  },
};

const step = process.env['UNTORN_FAULTS'] === 'full' ? 1 : process.platform === 'win32' ? 7 : 3;

function prepare(before: State): string {
  const folder = mkdtempSync(join(tmpdir(), 'untorn-kill-'));
  mkdirSync(join(folder, 'below'));
  for (const [name, content] of Object.entries(before)) plainWrite(join(folder, name), content);
  return folder;
}

/** What is there, but for what a sweep removes or keeps for recovery. */
async function stateOf(folder: string): Promise<State> {
  const { recoverable } = await sweep(folder);
  const kept = recoverable.map(String);
  for (const path of kept) assert.ok('torn'.startsWith(readFileSync(path, 'utf8')), path);
  const found: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (name === 'below' || kept.includes(path)) continue;
    found[name.replaceAll('\\', '/')] = lstatSync(path).isSymbolicLink()
      ? `-> ${readlinkSync(path)}`
      : readFileSync(path, 'utf8');
  }
  return found;
}

function isSame(one: State, other: State): boolean {
  return JSON.stringify(Object.entries(one).toSorted()) === JSON.stringify(Object.entries(other).toSorted());
}

describe('what is done with a file in a process that is killed', { concurrency: 2 }, () => {
  for (const [name, { program, before, after }] of Object.entries(scenarios)) {
    it(`is done or not, and leaves nothing that a sweep does not find (G2, G10): ${name}`, async (t) => {
      const seen = { old: 0, new: 0 };
      for (let call = 0, killed = true; killed; call += step) {
        const folder = prepare(before);
        try {
          const ended = await run(killer + program, [String(call), folder]);
          killed = wasKilled(ended);
          if (!killed) assert.equal(ended.status, 0, ended.stderr);
          const state = await stateOf(folder);
          const isOld = isSame(state, before);
          assert.ok(
            isOld || after.some((one) => isSame(one, state)),
            `killed at call ${call}: ${JSON.stringify(state).slice(0, 300)}`,
          );
          if (!killed) assert.ok(isSame(state, after.at(-1) as State));
          seen[isOld ? 'old' : 'new']++;
          // The lock is free at once, and a torn end is cut off.
          for (const one of ['file', 'to']) updateFileSync(join(folder, one), () => 'next', { lock: { timeout: 0 } });
          appendFileSync(join(folder, 'log'), 'next\n', { lock: { timeout: 0 } });
          assert.match(readFileSync(join(folder, 'log'), 'utf8'), /^(x+\n)?(y+\n)?next\n$/);
        } finally {
          rmSync(folder, { recursive: true });
        }
      }
      t.diagnostic(`killed ${seen.old} times before it, and ${seen.new - 1} times after it`);
      assert.ok(seen.old > 0, JSON.stringify(seen));
      note({
        of: 'kills',
        guarantees: ['G2', 'G10'],
        filesystem: filesystemOf(tmpdir()),
        durabilities: ['full'],
        count: seen.old + seen.new - 1,
        violations: 0,
      });
    });
  }
});
