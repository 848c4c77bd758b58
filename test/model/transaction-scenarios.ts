/** The transactions that are tried: small, so that everything can be. */
import type { TransactionScenario } from './transactions.ts';

export const transactionScenarios: Readonly<Record<string, TransactionScenario>> = {
  'two files of one directory': {
    before: { '/d/f': 'o', '/d/g': 'o' },
    plan: [
      { write: '/d/f', content: 'A' },
      { write: '/d/g', content: 'B' },
    ],
    after: { '/d/f': 'A', '/d/g': 'B' },
  },
  'two files of two directories': {
    before: { '/d/f': 'o', '/e/g': 'o' },
    plan: [
      { write: '/d/f', content: 'A' },
      { write: '/e/g', content: 'B' },
    ],
    after: { '/d/f': 'A', '/e/g': 'B' },
  },
  'new files': {
    before: {},
    plan: [
      { write: '/d/f', content: 'A' },
      { write: '/e/g', content: 'B' },
    ],
    after: { '/d/f': 'A', '/e/g': 'B' },
  },
  'a file written, another one removed': {
    before: { '/d/f': 'o', '/e/g': 'p' },
    plan: [{ write: '/d/f', content: 'A' }, { remove: '/e/g' }],
    after: { '/d/f': 'A' },
  },
  'a file renamed from one directory to the other, over another': {
    before: { '/d/f': 'o', '/e/g': 'p', '/e/h': 'q' },
    plan: [
      { rename: '/d/f', to: '/e/g' },
      { write: '/e/h', content: 'A' },
    ],
    after: { '/e/g': 'o', '/e/h': 'A' },
  },
  'with a simple and a numbered backup': {
    before: { '/d/f': 'o', '/d/g': 'p', '/d/g.~1~': 'q' },
    plan: [
      { write: '/d/f', content: 'A', backup: 'simple' },
      { remove: '/d/g', backup: { numbered: 1 } },
    ],
    after: { '/d/f': 'A', '/d/f~': 'o', '/d/g.~2~': 'p' },
  },
  'files that were not synced': {
    before: { '/d/f': 'o', '/e/g': 'p' },
    plan: [{ write: '/d/f', content: 'A' }, { remove: '/e/g' }],
    after: { '/d/f': 'A' },
    unsynced: true,
  },
  'normal': {
    before: { '/d/f': 'o', '/e/g': 'o' },
    plan: [
      { write: '/d/f', content: 'A' },
      { write: '/e/g', content: 'B' },
    ],
    after: { '/d/f': 'A', '/e/g': 'B' },
    durability: 'normal',
  },
  'off, where the process is killed': {
    before: { '/d/f': 'o', '/e/g': 'o', '/e/h': 'p' },
    plan: [{ write: '/d/f', content: 'A' }, { write: '/e/g', content: 'B' }, { remove: '/e/h' }],
    after: { '/d/f': 'A', '/e/g': 'B' },
    durability: 'off',
  },
};
