import { loseNone } from './update-orders.ts';

loseNone('every order of updates by several processes', {
  'two, one after the other as the lock has it': { owners: 2, preemptions: 2, old: 'o' },
  'two that create the file': { owners: 2, preemptions: 2 },
  'three': { owners: 3, preemptions: 1, old: 'o' },
  'two that heed no queue': { owners: 2, preemptions: 2, old: 'o', heedless: true },
  'two takers of a stale lock': { owners: 2, preemptions: 2, old: 'o', stale: true, heedless: true },
  'three takers of a stale lock': { owners: 3, preemptions: 1, old: 'o', stale: true },
  'one is killed at any step, another goes on': { owners: 2, preemptions: 1, old: 'o', kills: true },
  'a taker of a stale lock is killed at any step': { owners: 2, preemptions: 1, old: 'o', stale: true, kills: true },
  'a taker of a stale lock is killed at any step, two others go on': {
    owners: 3,
    preemptions: 0,
    old: 'o',
    stale: true,
    kills: true,
  },
  'two in a directory that others write': { owners: 2, preemptions: 1, old: 'o', shared: true },
});
