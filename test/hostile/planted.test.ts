/** Something else in the place of what was planted, before anything is done or between two calls: see races.ts. */
import { describe } from 'node:test';
import { attacks, reasonNotToAttack } from './hostile.ts';
import { directories, tries } from './tries.ts';

describe('a neighbour who exchanges what he planted (G5, G10)', { skip: reasonNotToAttack }, () => {
  const suite = attacks('G5', 'G10');

  const updates = ['updateFile'] as const;
  tries(suite, 'what he planted leads to nothing of others', [
    { operation: 'sweep', after: updates, with: directories, some: 36 },
    { operation: 'recover', after: updates, with: directories, some: 30 },
    { operation: 'transaction beside', after: updates, with: directories, some: 40 },
    { operation: 'recover', who: 'alice', after: updates, with: directories, some: 30 },
    { operation: 'recoverSync', kind: 'sticky', after: updates, with: directories, some: 30 },
    { operation: 'sweepSync', kind: 'sticky', after: updates, with: directories, some: 30 },
    { operation: 'sweep recursive', after: ['updateFile', 'replaceDirectory'], with: directories, some: 30 },
    { operation: 'sweep', after: ['replaceDirectory', 'replaceDirectory failing'], with: directories, some: 36 },
    { operation: 'sweep', who: 'alice', after: ['replaceDirectory'], with: ["Alice's directory"], some: 24 },
    { operation: 'replaceDirectory', after: ['replaceDirectory'], moments: 4, with: ["Alice's directory"], some: 20 },
    {
      operation: 'sweep',
      who: 'alice',
      after: ['replaceDirectory', 'updateFile'],
      by: 'self',
      with: directories,
      some: 30,
    },
    { operation: 'sweep', after: ['replaceDirectory', 'updateFile'], by: 'self', with: directories, some: 30 },
  ]);
});
