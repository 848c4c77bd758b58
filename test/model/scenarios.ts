/** What is tried: small, so that everything can be. */
import type { Durability, WriteOptions } from 'untorn';
import type { Scenario } from './world.ts';

const durabilities: readonly Durability[] = ['full', 'normal', 'off'];
const path = '/d/f';
const secret = { mode: 0o600 };
/** Of another user and group, with a set-user-id bit: what must never be seen half set. */
const foreign = { mode: 0o4750, uid: 500, gid: 600 };

type Make = (options: WriteOptions) => Scenario;

/** One call: both kinds of it, and a pending file. */
const single: Record<string, Make> = {
  'overwriting': (options) => ({ calls: [{ path, options }], old: secret }),
  'overwriting a foreign file': (options) => ({ calls: [{ path, options }], old: foreign }),
  'overwriting a file that all may read': (options) => ({ calls: [{ path, options }], old: { mode: 0o644 } }),
  'overwriting a file that its group may read': (options) => ({ calls: [{ path, options }], old: { mode: 0o640 } }),
  'overwriting an unsynced file': (options) => ({ calls: [{ path, options }], old: { ...secret, unsynced: true } }),
  'narrowing the mode': (options) => ({
    calls: [{ path, options: { ...options, mode: 0o600 } }],
    old: { mode: 0o644 },
  }),
  'creating': (options) => ({ calls: [{ path, options }] }),
  'creating with a mode': (options) => ({ calls: [{ path, options: { ...options, mode: 0o640 } }] }),
  'creating only': (options) => ({ calls: [{ path, options: { ...options, overwrite: false } }] }),
  'creating only, without a name': (options) => ({
    calls: [{ path, options: { ...options, overwrite: false } }],
    traits: { nameless: true },
  }),
  'skipping unchanged': (options) => ({
    calls: [{ path, options: { ...options, ifUnchanged: 'skip' }, content: 'ooooo' }],
    old: { ...secret, unsynced: true },
  }),
  'with a simple backup': (options) => ({
    calls: [{ path, options: { ...options, backup: 'simple' } }],
    old: secret,
    backup: '/d/f~',
  }),
  'with a backup of an unsynced file': (options) => ({
    calls: [{ path, options: { ...options, backup: 'simple' } }],
    old: { ...foreign, unsynced: true },
    backup: '/d/f~',
  }),
  'with a numbered backup': (options) => ({
    calls: [{ path, options: { ...options, backup: { numbered: 1 } } }],
    old: secret,
    backup: '/d/f.~1~',
  }),
  'making parents': (options) => ({ calls: [{ path: '/d/a/b/f', options: { ...options, makeParents: true } }] }),
  'through a link': (options) => ({
    calls: [{ path: '/l', options }],
    links: { '/l': 'd/g', '/d/g': '/d/f' },
    target: path,
    old: secret,
  }),
  'in place of a mounted file': (options) => ({
    calls: [{ path, options: { ...options, fallback: 'in-place' } }],
    old: secret,
    traits: { mounted: path },
  }),
  'in place in a read-only directory': (options) => ({
    calls: [{ path, options: { ...options, fallback: 'in-place' } }],
    old: foreign,
    traits: { readOnly: '/d' },
  }),
};

const kinds = { async: {}, sync: { blocking: true }, pending: { pending: true } } as const;

function* singles(): Generator<[string, Scenario]> {
  for (const [name, make] of Object.entries(single)) {
    for (const durability of durabilities) {
      const scenario = make({ durability });
      for (const [kind, how] of Object.entries(kinds)) {
        yield [
          `${name}, ${durability}, ${kind}`,
          { ...scenario, calls: scenario.calls.map((plan) => Object.assign({}, plan, how)) },
        ];
      }
    }
  }
}

const full: WriteOptions = { durability: 'full' };
const normal: WriteOptions = { durability: 'normal' };
const off: WriteOptions = { durability: 'off' };
const blocking = true;

/** Several calls at once. */
const several: Record<string, Scenario> = {
  'two of one file': {
    calls: [
      { path, options: full },
      { path, options: full },
    ],
    old: secret,
  },
  'two of one file, full and off': {
    calls: [
      { path, options: full },
      { path, options: off },
    ],
    old: secret,
  },
  'two of one file, by a link': {
    calls: [
      { path, options: full },
      { path: '/l', options: normal },
    ],
    links: { '/l': 'd/f' },
    target: path,
    old: secret,
  },
  'two of one new file': {
    calls: [
      { path, options: full },
      { path, options: full },
    ],
  },
  'three of one file': {
    calls: [
      { path, options: full },
      { path, options: normal },
      { path, options: full },
    ],
    old: secret,
    preemptions: 1,
  },
  'a pending file and another call': {
    calls: [
      { path, options: full, pending: true },
      { path, options: full },
    ],
    old: secret,
  },
  'two in one directory': {
    calls: [
      { path, options: full },
      { path: '/d/g', options: full },
    ],
    old: secret,
  },
  'three in one directory': {
    calls: [
      { path, options: full },
      { path: '/d/g', options: full },
      { path: '/d/h', options: full },
    ],
    preemptions: 1,
  },
  'two that only create': {
    calls: [1, 2].map(() => ({ path, options: { ...full, overwrite: false }, fails: ['EEXIST'] })),
  },
  'two that only create, without a name': {
    calls: [1, 2].map(() => ({ path, options: { ...full, overwrite: false }, fails: ['EEXIST'] })),
    traits: { nameless: true },
  },
  'two with the same parents to make': {
    calls: ['f', 'g'].map((name) => ({ path: `/d/a/b/${name}`, options: { ...full, makeParents: true } })),
  },
  'two with parents to make, normal and full': {
    calls: [normal, full].map((options, index) => ({
      path: `/d/a/${index}`,
      options: { ...options, makeParents: true },
    })),
    preemptions: 1,
  },
  'one makes parents, another finds its content there': {
    calls: [off, { ...full, ifUnchanged: 'skip' } as const].map((options) => ({
      path: '/d/a/f',
      options: { ...options, makeParents: true },
      content: 'AAAAA',
    })),
  },
  'a sync call overtakes': {
    calls: [
      { path, options: full },
      { path, options: full, blocking },
    ],
    old: secret,
  },
  'a sync call overtakes, off': {
    calls: [
      { path, options: full },
      { path, options: off, blocking },
    ],
    old: secret,
  },
  'a sync call overtakes, normal and off': {
    calls: [
      { path, options: normal },
      { path, options: off, blocking },
    ],
    old: secret,
  },
  'a sync call overtakes a creation': {
    calls: [
      { path, options: { ...full, overwrite: false }, fails: ['EEXIST', 'ERR_UNTORN_OVERTAKEN', 'ENOENT'] },
      { path, options: full, blocking },
    ],
  },
  'a sync call overtakes a creation without a name': {
    calls: [
      { path, options: { ...full, overwrite: false }, fails: ['EEXIST', 'ERR_UNTORN_OVERTAKEN', 'ENOENT'] },
      { path, options: full, blocking },
    ],
    traits: { nameless: true },
  },
  'two processes': { calls: [1, 2].map((process) => ({ path, options: full, blocking, process })), old: secret },
  'two asynchronous processes': { calls: [1, 2].map((process) => ({ path, options: full, process })), old: secret },
  'two asynchronous processes with a new file': { calls: [1, 2].map((process) => ({ path, options: full, process })) },
  'two asynchronous processes that only create': {
    calls: [1, 2].map((process) => ({ path, options: { ...full, overwrite: false }, fails: ['EEXIST'], process })),
  },
  'two asynchronous processes that only create, without a name': {
    calls: [1, 2].map((process) => ({ path, options: { ...full, overwrite: false }, fails: ['EEXIST'], process })),
    traits: { nameless: true },
  },
  'two asynchronous processes with backups': {
    calls: [1, 2].map((process) => ({ path, options: { ...full, backup: { numbered: 2 } }, process })),
    old: secret,
    preemptions: 1,
  },
  'two asynchronous processes, one writing in place': {
    calls: [full, { ...full, fallback: 'in-place' } as const].map((options, index) => ({
      path: index === 0 ? '/d/g' : path,
      options,
      process: index + 1,
    })),
    old: secret,
    traits: { mounted: path },
    preemptions: 1,
  },
  'an asynchronous process beside a synchronous one': {
    calls: [1, 2].map((process) => ({ path, options: full, blocking: process === 2, process })),
    old: secret,
  },
  'an asynchronous process beside a synchronous one, normal': {
    calls: [1, 2].map((process) => ({
      path,
      options: process === 1 ? full : normal,
      blocking: process === 2,
      process,
    })),
    old: secret,
  },
  'two asynchronous processes that make the same parents': {
    calls: ['f', 'g'].map((name, process) => ({
      path: `/d/a/b/${name}`,
      options: { ...full, makeParents: true },
      process: process + 1,
    })),
    preemptions: 1,
  },
  'two processes that make the same parents': {
    calls: ['f', 'g'].map((name, process) => ({
      path: `/d/a/b/${name}`,
      options: { ...full, makeParents: true },
      blocking,
      process: process + 1,
    })),
    preemptions: 1,
  },
};

export const scenarios: Readonly<Record<string, Scenario>> = { ...Object.fromEntries(singles()), ...several };
