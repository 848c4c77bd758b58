/**
 * Which of the public names are in which file of the package.
 *
 * `face` is loaded with the package; every other part when a function of it is called for the first time, since to
 * compile all of it takes longer than to write a file. What several parts need is in the first of them, so a part needs
 * only those before it.
 */
export const parts = {
  face: ['JsonError', 'WriteError', 'unchanged'],
  write: ['writeFile', 'writeFileSync'],
  update: ['readVersioned', 'readVersionedSync', 'updateFile', 'updateFileSync'],
  pending: [
    'atomicWrite',
    'atomicWriteSync',
    'createWritableStream',
    'createWriteStream',
    'openPending',
    'openPendingSync',
  ],
  json: ['readJson', 'readJsonSync', 'updateJson', 'updateJsonSync', 'writeJson', 'writeJsonSync'],
  writer: ['Writer', 'createWriter'],
  files: ['writeFiles'],
  sweep: ['sweep', 'sweepSync'],
  transaction: ['recover', 'recoverSync', 'transaction', 'transactionSync'],
  doctor: ['inspect', 'inspectSync'],
  directory: ['replaceDirectory', 'replaceDirectorySync'],
};

/** Which commands share a file; they too are loaded when they are called. */
export const commands = {
  'cli/replace': ['write', 'run', 'edit'],
  'cli/commit': ['commit'],
  'cli/tidy': ['sweep', 'recover'],
  'cli/doctor': ['doctor'],
};
