/** The model check of updates can fail: it catches every mistake that the lock is there to prevent. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { call, type Steps } from '#untorn/system/calls.js';
import type { Mutation } from './owners.ts';
import { explore, type Scenario } from './updates.ts';

function* nothing(result?: unknown): Steps<unknown> {
  return result;
}

const lock = '/d/.f.untorn-lock';
const inLock = (path: string | Buffer): boolean => /\.f\.untorn-lock\//.test(String(path));
const isSettling = (path: string | Buffer): boolean => inLock(path) && /\.[0-9a-z]{20}$/.test(String(path));
const isOwn = (path: string | Buffer, index: number): boolean => inLock(path) && !isSettling(path) && String(path).includes(`-0-0-${index + 1}-0-0-0-`);

/** Another entry than the one that was asked for. */
function* anyEntry(perform: (entry: string) => Steps<void>): Steps<void> {
  const [name] = yield* call.readdir(lock);
  if (name !== undefined) yield* perform(`${lock}/${String(name)}`);
}

function* orElse(steps: Steps<void>, otherwise: () => Steps<void>): Steps<void> {
  try {
    yield* steps;
  } catch {
    yield* otherwise();
  }
}

const hostile: Scenario = { owners: 2, preemptions: 2, old: 'o', distrusts: true, blind: true };

const mutants: Record<string, { mutant: () => Mutation; scenario: Scenario }> = {
  'who takes over leaves the temporary files': {
    mutant: () => (request) => (request.name === 'readdir' && !String(request.args[0]).endsWith('.untorn-lock') ? nothing([]) : undefined),
    scenario: hostile,
  },
  'the owner does not look before the rename whether it holds the lock': {
    mutant: () => (request, index) => (request.name === 'lstat' && isOwn(request.args[0], index) ? nothing({}) : undefined),
    scenario: hostile,
  },
  'the temporary files are removed before the entry is renamed': {
    mutant: () => {
      let held: [string | Buffer, string | Buffer] | undefined;
      return (request) => {
        if (request.name === 'rename' && isSettling(request.args[1])) {
          held = request.args;
          return nothing();
        }
        if (request.name !== 'unlink' || !isSettling(request.args[0]) || held === undefined) return undefined;
        const [from, to] = held;
        held = undefined;
        return (function* () {
          yield* orElse(call.rename(from, to), nothing as () => Steps<void>);
          return yield request;
        })();
      };
    },
    scenario: { ...hostile, preemptions: 3 },
  },
  'who takes over takes whatever entry is there': {
    mutant: () => (request) => {
      if (request.name !== 'rename' || !isSettling(request.args[1])) return undefined;
      const [from, to] = request.args;
      return orElse(call.rename(from, to), () => anyEntry((entry) => call.rename(entry, to)));
    },
    scenario: { ...hostile, stale: true, preemptions: 3 },
  },
  'who takes over renames nothing': {
    mutant: () => (request) => (request.name === 'rename' && isSettling(request.args[1]) ? call.unlink(request.args[0]) : undefined),
    scenario: { ...hostile, owners: 3, preemptions: 1, kills: true },
  },
  'who takes over does not say whose files are left': {
    mutant: () => (request) => {
      if (!isSettling(String(request.args[0])) && !(request.name === 'rename' && isSettling(request.args[1]))) return undefined;
      const forget = (path: string | Buffer): string => String(path).replace(/([0-9a-z]{20})\.[0-9a-z]{20}$/, '$1.$1');
      if (request.name === 'rename') return call.rename(isSettling(request.args[0]) ? forget(request.args[0]) : request.args[0], isSettling(request.args[1]) ? forget(request.args[1]) : request.args[1]);
      if (request.name === 'unlink') return call.unlink(forget(request.args[0]));
      return request.name === 'lstat' ? call.lstat(forget(request.args[0])) : undefined;
    },
    scenario: { ...hostile, owners: 3, preemptions: 1, kills: true },
  },
  'the lock is taken by a look and a mkdir': {
    mutant: () => (request) =>
      request.name === 'rename' && String(request.args[1]).endsWith('.untorn-lock') ? (function* () {
        yield* orElse(call.rename(...request.args), () => anyEntry(function* (entry) {
          yield* call.unlink(entry);
          yield* call.rename(...request.args);
        }));
      })() : undefined,
    scenario: { owners: 2, preemptions: 1, old: 'o', blind: true },
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
