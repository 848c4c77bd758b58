/** Renames, removals, links, copies and appended records, each with a fault at every call. */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync as plainLink,
  writeFileSync as plainWrite,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { updateFileSync, WriteError } from 'untorn';
import { absent, versionOf } from '#untorn/contract/version.js';
import { runAsync } from '#untorn/system/async-driver.js';
import type { Steps } from '#untorn/system/port.js';
import { runSync } from '#untorn/system/systems.js';
import { appending } from '#untorn/verbs/append-file.js';
import { copying } from '#untorn/verbs/copy-file.js';
import { removing } from '#untorn/verbs/remove.js';
import { renaming } from '#untorn/verbs/rename.js';
import { linking } from '#untorn/verbs/symlink.js';
import { Spoiler, type Fault } from './faulty-system.ts';

const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const lock = { timeout: 2000 };

/** What is in a folder: the content of files, the text of links. */
type State = Readonly<Record<string, string>>;

interface Scenario {
  readonly before: State;
  readonly after: State;
  /** States of a failure whose outcome is unknown. */
  readonly between?: readonly State[];
  make(at: (name: string) => string, blocking: boolean): Steps<unknown>;
}

const log = 'one\ntwo\n';

const scenarios: Record<string, Scenario> = {
  'a rename': {
    before: { from: 'content', to: 'old' },
    after: { to: 'content' },
    make: (at, blocking) => renaming(at('from'), at('to'), {}, blocking),
  },
  'a rename to another directory': {
    before: { 'from': 'content', 'below/to': 'old' },
    after: { 'below/to': 'content' },
    make: (at, blocking) => renaming(at('from'), at('below/to'), {}, blocking),
  },
  'a rename to a new name': {
    before: { from: 'content' },
    after: { to: 'content' },
    between: [{ from: 'content', to: 'content' }],
    make: (at, blocking) => renaming(at('from'), at('to'), { overwrite: false }, blocking),
  },
  'a rename of a link': {
    before: { from: '-> somewhere' },
    after: { to: '-> somewhere' },
    make: (at, blocking) => renaming(at('from'), at('to'), {}, blocking),
  },
  'a removal': {
    before: { file: 'content' },
    after: {},
    make: (at, blocking) => removing(at('file'), {}, blocking),
  },
  'a removal of a version': {
    before: { file: 'content' },
    after: {},
    make: (at, blocking) => removing(at('file'), { ifMatch: versionOf(Buffer.from('content')), lock }, blocking),
  },
  'a link': {
    before: { link: 'content' },
    after: { link: '-> somewhere' },
    make: (at, blocking) => linking('somewhere', at('link'), {}, blocking),
  },
  'a new link': {
    before: {},
    after: { link: '-> somewhere' },
    make: (at, blocking) => linking('somewhere', at('link'), { overwrite: false }, blocking),
  },
  'a copy': {
    before: { from: 'content', to: 'old' },
    after: { from: 'content', to: 'content' },
    make: (at, blocking) => copying(at('from'), at('to'), {}, blocking),
  },
  'a copy to a new name': {
    before: { from: 'content' },
    after: { from: 'content', to: 'content' },
    make: (at, blocking) => copying(at('from'), at('to'), { overwrite: false, ifMatch: absent, lock }, blocking),
  },
  'a record': {
    before: { log },
    after: { log: `${log}three\n` },
    between: [{ log: `${log}t` }, { log: `${log}three` }],
    make: (at, blocking) => appending(at('log'), 'three\n', { lock }, blocking),
  },
  'a first record': {
    before: {},
    after: { log: 'one\n' },
    between: [{ log: '' }, { log: 'o' }, { log: 'one' }],
    make: (at, blocking) => appending(at('log'), 'one\n', { lock }, blocking),
  },
};

const faults: Fault[] = [
  ...['EIO', 'ENOSPC', 'EINTR', 'EACCES', 'EPERM', 'EMFILE', 'ESTALE', 'EXDEV'].map((code) => ({ code })),
  { code: 'EIO', isMade: true },
  ...[(): number => 0, (): number => 1, (asked: number): number => asked - 1].map((short) => ({ short })),
];

function prepare(before: State): string {
  const folder = mkdtempSync(join(base, 'untorn-fault-'));
  mkdirSync(join(folder, 'below'));
  for (const [name, content] of Object.entries(before)) {
    if (content.startsWith('-> ')) plainLink(content.slice(3), join(folder, name));
    else plainWrite(join(folder, name), content);
  }
  return folder;
}

function stateOf(folder: string): State {
  const found: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const status = lstatSync(join(folder, name));
    if (status.isSymbolicLink()) found[name] = `-> ${readlinkSync(join(folder, name))}`;
    else if (status.isFile()) found[name] = readFileSync(join(folder, name), 'utf8');
    else if (name !== 'below') found[name] = 'a directory';
  }
  return found;
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

async function attempt(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return error;
  }
}

function check(folder: string, { before, after, between = [] }: Scenario, result: unknown, what: string): void {
  const { ...found } = stateOf(folder);
  if (!(result instanceof Error)) assert.deepEqual(found, after, what);
  else if (!WriteError.isWriteError(result)) assert.fail(`${what}: ${result.stack}`);
  else if (result.outcome === 'old') assert.deepEqual(found, before, `${what}: ${result.message}`);
  else if (result.outcome === 'new') assert.deepEqual(found, after, `${what}: ${result.message}`);
  else {
    const isKnown = [before, after, ...between].some((state) => isSame(state, found));
    assert.ok(isKnown, `${what}: ${result.message}: ${JSON.stringify(found)}`);
  }
}

function isSame(one: State, other: State): boolean {
  return JSON.stringify(Object.entries(one).toSorted()) === JSON.stringify(Object.entries(other).toSorted());
}

for (const [kind, blocking] of [
  ['asynchronous', false],
  ['synchronous', true],
] as const) {
  describe(
    `${kind} verbs, with a fault at every call`,
    { skip: process.platform !== 'linux' && 'counts descriptors in /proc' },
    () => {
      for (const [name, scenario] of Object.entries(scenarios)) {
        it(`are done or not, tell which, and leave nothing behind: ${name} (G4, G10)`, async (t) => {
          const run = (folder: string, spoiler: Spoiler): unknown => {
            const steps = scenario.make((one) => join(folder, one), blocking);
            return blocking ? runSync(steps, spoiler.sync) : runAsync(steps, spoiler.async, spoiler.sync);
          };
          const whole = new Spoiler();
          const model = prepare(scenario.before);
          await run(model, whole);
          assert.deepEqual(stateOf(model), scenario.after);
          rmSync(model, { recursive: true });
          const open = openDescriptors();
          let trials = 0;
          for (const fault of faults) {
            for (let at = 0; at < whole.calls.length; at++) {
              const spoiler = new Spoiler(at, fault);
              const folder = prepare(scenario.before);
              const result = await attempt(() => run(folder, spoiler));
              const what = `${'code' in fault ? JSON.stringify(fault) : 'short'} at call ${at} (${spoiler.calls[at]}) of ${spoiler.calls.join(' ')}`;
              if (spoiler.hit) trials++;
              check(folder, scenario, result, what);
              for (let turns = 0; openDescriptors() > open && turns < 10_000; turns++) await setTimeout(1);
              assert.ok(openDescriptors() <= open, `${what}: descriptors`);
              // Whatever failed, no lock is held for ever.
              for (const one of ['file', 'log', 'to']) updateFileSync(join(folder, one), () => 'next', { lock });
              rmSync(folder, { recursive: true });
            }
          }
          assert.ok(trials >= whole.calls.length * 8, `only ${trials} faults were injected`);
          t.diagnostic(`${trials} trials`);
        });
      }
    },
  );
}
