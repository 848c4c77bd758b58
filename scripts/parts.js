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
  verbs: [
    'appendFile',
    'appendFileSync',
    'copyFile',
    'copyFileSync',
    'remove',
    'removeSync',
    'rename',
    'renameSync',
    'symlink',
    'symlinkSync',
    'withLock',
    'withLockSync',
  ],
  sweep: ['sweep', 'sweepSync'],
  transaction: ['recover', 'recoverSync', 'transaction', 'transactionSync'],
  doctor: ['inspect', 'inspectSync'],
  directory: ['replaceDirectory', 'replaceDirectorySync'],
};

/** Which commands share a file; they too are loaded when they are called. */
export const commands = {
  'cli/replace': ['write', 'run', 'edit'],
  'cli/commit': ['commit'],
  'cli/verbs': ['verbs', 'lock'],
  'cli/tidy': ['sweep', 'recover'],
  'cli/adopt': ['adopt'],
  'cli/doctor': ['doctor', 'join'],
};

/**
 * The packages that have a drop-in, as `untorn/NAME`: which version of each it follows, and whether `require()` gives the
 * default export.
 */
export const dropIns = {
  'write-file-atomic': { version: '8.0.0', isFunction: true },
  atomically: { version: '2.1.1', isFunction: false },
  steno: { version: '4.0.2', isFunction: false },
  'fs-write-stream-atomic': { version: '1.0.10', isFunction: true },
};

/** What a program imports as `untorn/NAME` for stores: each has a source, and files of its own in dist/store. */
export const stores = {
  store: 'index',
  'store/testing': 'testing/index',
  s3: 's3',
  etcd: 'etcd',
  postgres: 'postgres',
};
