import { byHandle } from './handles.ts';
import { loseNone } from './update-orders.ts';

loseNone('every order of updates by processes that take each other for dead, or whose lock is removed', {
  'two that take each other for dead': { owners: 2, preemptions: 1, old: 'o', distrusts: true },
  'two that take each other for dead, and look at nothing but the lock': { owners: 2, preemptions: 2, old: 'o', distrusts: true, blind: true, heedless: true },
  'three that take each other for dead, and look at nothing but the lock': { owners: 3, preemptions: 1, old: 'o', distrusts: true, blind: true, heedless: true },
  'a stale lock among two that take each other for dead': { owners: 2, preemptions: 2, old: 'o', stale: true, distrusts: true, blind: true, heedless: true },
  'two that take each other for dead, where files are reached by handles': { owners: 2, preemptions: 2, old: 'o', distrusts: true, blind: true, heedless: true, mutant: byHandle },
  'two that take each other for dead, and each other\'s tickets': { owners: 2, preemptions: 2, old: 'o', distrusts: true, blind: true },
  'two in a directory that others write, which take each other for dead': { owners: 2, preemptions: 1, old: 'o', shared: true, distrusts: true, blind: true, heedless: true },
  'two, and somebody who removes the lock': { owners: 2, preemptions: 2, old: 'o', blind: true, removed: true },
  'two in a directory that others write, and somebody who removes the lock': { owners: 2, preemptions: 1, old: 'o', blind: true, heedless: true, removed: true, shared: true },
  'two, where a rename puts two directories together': { owners: 2, preemptions: 2, old: 'o', blind: true, heedless: true, merges: true, fails: ['ERR_LOCK_UNSUPPORTED'] },
  'one is killed, two take each other for dead': { owners: 3, preemptions: 1, old: 'o', distrusts: true, blind: true, heedless: true, kills: true },
});
