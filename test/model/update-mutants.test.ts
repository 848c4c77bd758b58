/** The model check of updates can fail: it catches every mistake that the lock is there to prevent. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { call, type Steps, type SystemCall } from '#untorn/system/port.js';
import { byHandle, inEntry } from './handles.ts';
import type { Mutation } from './owners.ts';
import { explore, type Scenario } from './updates.ts';

function* nothing(result?: unknown): Steps<unknown> {
  return result;
}

const directory = '/d/.f.untorn-lock';
const held = `${directory}/held`;
const isSettling = (path: string | Buffer): boolean => /\/untorn-l-[^/]*\.[0-9a-z]{20}$/.test(String(path));
const isTaking = ({ name, args }: SystemCall): boolean => name === 'rename' && String(args[1]).endsWith('/held');

/** What is done with a temporary file in the entry is done with one elsewhere. */
function elsewhere(place: string): Mutation {
  return (request) => {
    const name = inEntry.exec(String(request.args[0]))?.[2];
    if (name === undefined) return undefined;
    const path = `${place}/${name}`;
    if (request.name === 'open') return call.open(path, request.args[1], request.args[2]);
    if (request.name === 'rename') return call.rename(path, request.args[1]);
    if (request.name === 'unlink') return call.unlink(path);
    return request.name === 'lstat' ? call.lstat(path) : undefined;
  };
}

/** The same path in another place. */
function aside(path: string | Buffer): string {
  return `/aside-${String(path).split('/').at(-1)}`;
}

/** Moves what holds the lock out of the way. */
function* freed(): Steps<void> {
  const [name] = yield* call.readdir(held);
  if (name !== undefined) yield* call.rename(`${held}/${String(name)}`, aside(name));
}

function* orElse(steps: Steps<void>, otherwise: () => Steps<void>): Steps<void> {
  try {
    yield* steps;
  } catch {
    yield* otherwise();
  }
}

const hostile: Scenario = { owners: 2, preemptions: 2, old: 'o', distrusts: true, blind: true, heedless: true };

const mutants: Record<string, { mutant: () => Mutation; scenario: Scenario }> = {
  'the temporary file lies beside the target': {
    mutant: () => elsewhere('/d'),
    scenario: hostile,
  },
  'the temporary file lies beside the entry, and not in it': {
    mutant: () => elsewhere(held),
    scenario: { ...hostile, distrusts: false, removed: true },
  },
  'who takes over moves the entry away, and does not remove what is in it': {
    mutant: () =>
      byHandle((request) => {
        if (request.name === 'rmdir' && isSettling(request.args[0]))
          return call.rename(request.args[0], aside(request.args[0]));
        return request.name === 'unlink' && /untorn-t-/.test(String(request.args[0])) ? nothing() : undefined;
      }),
    scenario: { ...hostile, preemptions: 3 },
  },
  'who takes over takes whatever entry is there': {
    mutant: () => (request) => {
      if (request.name !== 'rename' || !isSettling(request.args[1])) return undefined;
      const [from, to] = request.args;
      return orElse(call.rename(from, to), function* () {
        const [name] = yield* call.readdir(held);
        if (name !== undefined) yield* call.rename(`${held}/${String(name)}`, to);
      });
    },
    scenario: { owners: 2, preemptions: 2, old: 'o', blind: true, heedless: true, stale: true },
  },
  'the lock is taken by a look and a mkdir': {
    mutant: () => (request) => {
      if (!isTaking(request)) return undefined;
      const [from, to] = request.args as [string, string];
      return orElse(call.rename(from, to), function* () {
        yield* freed();
        yield* call.rename(from, to);
      });
    },
    scenario: { owners: 2, preemptions: 1, old: 'o', blind: true },
  },
  'nobody looks whether he is alone': {
    mutant: () => (request) => {
      if (request.name !== 'readdir' || !String(request.args[0]).endsWith('/held')) return undefined;
      return (function* () {
        return (yield* call.readdir(held)).slice(-1);
      })();
    },
    scenario: { owners: 2, preemptions: 2, old: 'o', blind: true, merges: true, fails: ['ERR_LOCK_UNSUPPORTED'] },
  },
};

describe('the model check of updates', () => {
  for (const [name, { mutant, scenario }] of Object.entries(mutants)) {
    it(`sees the mistake: ${name}`, (t) => {
      const { violations, schedules } = explore({ ...scenario, mutant });
      assert.ok(violations[0], `it saw nothing in ${schedules} orders`);
      t.diagnostic(`${violations[0].slice(0, 120)} (order ${schedules})`);
    });
  }
});
