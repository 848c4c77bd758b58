/**
 * Something else in the place of what the package makes and then looks at, opens, changes, renames or removes by its
 * name: see races.ts.
 */
import { describe } from 'node:test';
import { attacks, reasonNotToAttack } from './hostile.ts';
import { full } from './package.ts';
import { directories, everyOther, files, tries } from './tries.ts';

describe('a neighbour who exchanges what is made (G5, G10)', { skip: reasonNotToAttack }, () => {
  const suite = attacks('G5', 'G10');

  tries(suite, 'what is made leads to nothing of others', [
    { operation: 'updateFile', with: directories, some: 30 },
    { operation: 'updateFile', who: 'alice', with: directories, some: 24 },
    { operation: 'transaction', with: directories, some: 40 },
    { operation: 'replaceDirectory', with: directories, some: 40 },
    { operation: 'replaceDirectory', who: 'alice', with: directories, some: 30 },
    { operation: 'replaceDirectory failing', with: directories, some: 30 },
    {
      operation: 'replaceDirectory left by an exit',
      with: ["Alice's directory", "a link to the superuser's directory"],
      some: 10,
    },
    { operation: 'transaction left by an exit', with: ["Alice's directory"], some: 10 },
    { operation: 'writeFile', with: [...directories, "Alice's file"], some: 24 },
    {
      operation: 'writeFile with an owner',
      with: ["Alice's directory", "Alice's file", "a link to the superuser's file"],
      some: 16,
    },
  ]);

  tries(suite, 'what says that it succeeded did', [
    { operation: 'writeFile', with: files, some: 20 },
    { operation: 'writeFileSync', who: 'alice', with: files, some: 20 },
    { operation: 'writeFile with a mode', with: files, some: 16 },
    { operation: 'writeFile with a backup', with: files, some: 20 },
    { operation: 'writeFile with numbered backups', with: files, some: 20 },
    { operation: 'writeFile to create', with: files, some: 16 },
    { operation: 'writeFile if it is that version', with: files, some: 24 },
    { operation: 'updateFile refusing links', with: files, some: 24 },
    { operation: 'updateFileSync', with: files, some: 24 },
    { operation: 'updateJson', with: files, some: 24 },
    { operation: 'transaction', with: files, some: 30 },
    { operation: 'transactionSync', with: ['a FIFO', "a link to the superuser's file"], some: 40 },
  ]);

  if (full) tries(suite, 'whatever somebody does', everyOther());
});
