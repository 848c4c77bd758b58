// What the time of each part of the package buys: the promise that would be missing without it. By files of src, or
// folders with a slash at the end; the longest that fits counts. A file that nothing fits is shown as not assigned.
const promises = {
  'the last call wins': ['order/'],
  'mode, owner, ACL and other attributes are kept': [
    'files/attribute-names.ts',
    'files/attributes.ts',
    'files/metadata.ts',
    'files/preserve.ts',
    'files/private-directory.ts',
    'system/attributes.ts',
    'system/whereabouts.ts',
  ],
  'links, types and the directory that was meant': [
    'contract/path-name.ts',
    'contract/windows-names.ts',
    'files/directory.ts',
    'files/filesystems.ts',
    'files/folder.ts',
    'files/look.ts',
    'files/owned.ts',
    'files/target.ts',
    'system/paths.ts',
  ],
  'a temporary file that nobody can guess or read, and that is removed with its process': [
    'files/temporary.ts',
    'node_modules/signal-exit/',
    'system/exit-cleanup.ts',
    'system/handles.ts',
    'system/lock-owner.ts',
    'system/owner.ts',
    'system/process-end.ts',
    'system/processes.ts',
  ],
  'every byte, or an error': [
    'contract/data.ts',
    'contract/source.ts',
    'files/contents.ts',
    'files/copy.ts',
    'replace/deferred-content.ts',
  ],
  'durable when it says so, parents too': [
    'files/early-sync.ts',
    'files/made.ts',
    'files/parents.ts',
    'files/shared-sync.ts',
    'files/sync-existing.ts',
    'files/sync-file.ts',
    'system/commands.ts',
    'system/mounts.ts',
  ],
  'an honest outcome': [
    'contract/caller.ts',
    'contract/error-message.ts',
    'contract/errors.ts',
    'contract/failure.ts',
    'contract/result.ts',
    'contract/system-errors.ts',
    'files/operation.ts',
    'files/tolerate.ts',
    'replace/rename.ts',
    'replace/replace-file.ts',
    'replace/replace.ts',
    'replace/stage.ts',
    'replace/superseded.ts',
  ],
  'one protocol for both APIs, in which tests make every call fail': [
    'system/async-driver.ts',
    'system/environment.ts',
    'system/flags.ts',
    'system/node-calls.ts',
    'system/port.ts',
  ],
  'wrong arguments are refused before anything is touched': [
    'contract/bare.ts',
    'contract/describe.ts',
    'contract/option-values.ts',
    'contract/options.ts',
    'contract/thenable.ts',
    'contract/unchanged.ts',
    'contract/version.ts',
    'files/settings.ts',
    'write/write-file.ts',
  ],
  'an abort harms nothing': ['contract/abort.ts'],
  'descriptors do not run out': ['system/descriptors.ts'],
  'nobody waits until an old file is freed': ['system/close-later.ts'],
  'a program may replace clocks and queues': ['system/globals.ts'],
  'only what is called is loaded': ['index.ts', 'late.ts'],
  'streams and pending files': ['write/'],
  'JSON loses nothing silently': ['json/'],
  'no update of another process is lost': [
    'files/snapshot.ts',
    'lock/',
    'replace/locked.ts',
    'system/watch.ts',
    'update/',
  ],
  'content that is there already is not written': ['replace/unchanged.ts'],
  'old versions are kept': ['replace/backup-names.ts', 'replace/backup.ts'],
  'files that cannot be replaced are written all the same': ['files/busy.ts', 'replace/in-place.ts'],
  'interrupted work is completed or removed': [
    'files/enclosure.ts',
    'files/filesystem-clock.ts',
    'files/tree.ts',
    'journal/',
    'sweep/',
  ],
  'whole directories': ['directory/'],
  'several files at once': ['transaction/'],
  'the newest of many values is saved': ['system/unsaved.ts', 'writer/'],
  'a command with options, help and exit codes': ['cli/'],
};

export const notAssigned = 'not assigned';

/**
 * Files through which others make their calls: what is called there is for whoever asked for it.
 */
export const intermediaries = new Set(['system/node-calls.ts', 'system/port.ts']);

/** What the prototype does too: no promise is bought by it. By who asks for the call, or hands it over. */
export const writeItself = 'the write itself, which the prototype makes too';
const calls = {
  'files/contents.ts': /^fs\.writev?Sync$/,
  'files/directory.ts': /^fs\.fsyncSync$/,
  'files/sync-file.ts': /^fs\.f(?:data)?syncSync$/,
  'files/temporary.ts': /^fs\.openSync$/,
  'replace/rename.ts': /^fs\.renameSync$/,
  'system/async-driver.ts': /^fs\.(?:open|writev?|f(?:data)?sync|rename)$/,
  'system/close-later.ts': /^fs\.close(?:Sync)?$/,
};

const entries = Object.entries(promises).flatMap(([promise, paths]) => paths.map((path) => [path, promise]));

/**
 * The promise that time buys: that of a function in a file of src, such as `order/turn.ts`; or that of a call that was
 * asked for there.
 */
export function boughtBy({ kind, name, file }) {
  if (kind === 'fs' && calls[file]?.test(name)) return writeItself;
  const fitting = entries.filter(([path]) => (path.endsWith('/') ? file.startsWith(path) : file === path));
  return fitting.toSorted(([a], [b]) => b.length - a.length)[0]?.[1] ?? notAssigned;
}
