/**
 * What was tried on each filesystem, and what of it does not hold: as docs/filesystems.md, from the same figures. Made by
 * `npm run evidence -- filesystems`; not to be edited.
 */

/** A row of the table. */
export interface MatrixRow {
  /** How many behaviours were tried. */
  readonly tried: number;
  /** Those that do not hold, and what happened. */
  readonly exceptions: readonly string[];
}

const rows = new Map<string, MatrixRow>();

function row(name: string, tried: number, ...exceptions: readonly string[]): void {
  rows.set(name, { tried, exceptions });
}

row('ext4', 19);
row('ext4 without a journal', 19);
row('ext3', 19);
row('ext2', 19);
row('xfs', 19);
row('btrfs', 19);
row('tmpfs', 19);
row('overlay, index=off', 19);
row('overlay, index=on', 19);
row('overlay, metacopy=on', 19);
row('overlay, volatile', 19, "durable: not kept: 'unsupported'");
row('fuse-overlayfs', 19, "durable: not kept: 'unsupported'");
row(
  'ntfs-3g',
  19,
  'names: 236 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ENOTSUP',
  'hard links: rename over another, rename over its other name, remove: refused: ENOTSUP',
  'mode and owner given: refused: EPERM',
  'shared directory: transaction: refused: ENOTSUP',
  'readers: filesystem: absent 1.9 %',
  'updates: refused: some with ENOENT',
  'transaction: refused: ENOTSUP',
  'directory exchanged: refused: ENOTSUP',
  "durable: writeFile, replaceDirectory: not kept: 'unsupported'; transaction: refused: ENOTSUP",
);
row(
  'ntfs-3g, permissions',
  19,
  'readers: filesystem: absent 0.5 %',
  'updates: updateFile, ifMatch: refused: some with ENOENT',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'exfat-fuse',
  18,
  'create only: refused: EPERM',
  'names: 255 characters, transaction: refused: ENOTSUP; names that differ in case, transaction, rename to a name that differs in case: refused: EINVAL',
  'mode and owner given: refused: EPERM',
  'shared directory: create only: refused: EPERM; transaction: refused: ENOTSUP',
  'readers: filesystem: absent 2.6 %',
  'updates: refused: some with ENOENT',
  'transaction: refused: ENOTSUP',
  'replaceDirectory: refused: ENOSYS',
  'directory exchanged: refused: ENOTSUP',
  "durable: writeFile: not kept: 'unsupported'; transaction: refused: ENOTSUP; replaceDirectory: refused: ENOSYS",
);
row('fusefat', 1, 'write: filesystem: hangs');
row(
  'bindfs',
  19,
  'readers: filesystem: absent 2.2 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'bindfs --chmod-ignore --chown-ignore',
  19,
  'mode and owner given: mode, owner: refused: EPERM',
  'keep: xattr: try: not kept: mode (has no mode, owner)',
  'readers: filesystem: absent 1.9 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'bindfs --chmod-deny --chown-deny --xattr-none',
  19,
  'mode and owner given: mode, owner: refused: EPERM',
  'readers: filesystem: absent 1.8 %',
  'replaceDirectory: refused: EPERM',
  'directory exchanged: refused: EPERM',
  "durable: writeFile, transaction: not kept: 'unsupported'; replaceDirectory: refused: EPERM",
);
row(
  'bindfs --force-user --perms',
  19,
  'names: 255 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ENOTSUP',
  'hard links: rename over another, rename over its other name, remove: refused: ENOTSUP',
  'mode and owner given: refused: EPERM',
  'shared directory: transaction: refused: ENOTSUP',
  'readers: filesystem: absent 2.7 %',
  'updates: refused: some with ENOENT',
  'transaction: refused: ENOTSUP',
  'directory exchanged: refused: ENOTSUP',
  "durable: writeFile, replaceDirectory: not kept: 'unsupported'; transaction: refused: ENOTSUP",
);
row(
  'mergerfs, category.create=rand',
  19,
  'names: 255 characters, update, 255 characters, transaction, names that differ in case, transaction: refused: ERR_LOCK_UNSUPPORTED',
  'hard links: rename over another, rename over its other name, remove: refused: ERR_LOCK_UNSUPPORTED',
  'shared directory: update: refused: ERR_LOCK_UNSUPPORTED',
  'doctor: locks: filesystem: the next attempt may fail',
  'reads by the package: updateFile: refused: ERR_LOCK_UNSUPPORTED 3.8 %',
  'updates: updateFile, ifMatch: refused: some with ERR_LOCK_UNSUPPORTED; updateFileSync: refused: some with ERR_LOCK_UNSUPPORTED, ERR_LOCK_TIMEOUT',
  'transaction: refused: ERR_LOCK_UNSUPPORTED',
  'replaceDirectory: refused: ERR_LOCK_UNSUPPORTED',
  'directory exchanged: refused: ERR_LOCK_UNSUPPORTED',
  'takeover: refused: ERR_LOCK_UNSUPPORTED',
  "durable: writeFile: not kept: 'unsupported'; transaction, replaceDirectory: refused: ERR_LOCK_UNSUPPORTED",
);
row('mergerfs, category.create=ff', 19, 'directory exchanged: refused: ENOTSUP', "durable: not kept: 'unsupported'");
row(
  'mergerfs, category.create=epmfs',
  19,
  'updates: refused: some with ERR_LOCK_UNSUPPORTED',
  'replaceDirectory: refused: some with ERR_LOCK_UNSUPPORTED',
  'directory exchanged: refused: ENOTSUP',
  'takeover: refused: some with ERR_LOCK_UNSUPPORTED',
  "durable: not kept: 'unsupported'",
);
row(
  'gocryptfs',
  19,
  'readers: filesystem: absent 0.2 %, torn 0.0 %',
  'reads by the package: readVersioned, readVersionedSync: filesystem: torn; updateFile: refused: ENOENT 27.3 %',
  "durable: not kept: 'unsupported'",
);
row(
  'encfs',
  19,
  'readers: filesystem: absent 0.6 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'sshfs',
  19,
  'names: 255 characters, update, 255 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'hard links: rename over another, rename over its other name, remove: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'shared directory: update, transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'readers: filesystem: absent 2.4 %',
  'reads by the package: readVersionedSync: filesystem: torn; updateFile: refused: ERR_UNTORN_UNSAFE_FILESYSTEM 100.0 %',
  'updates: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'directory exchanged: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'takeover: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  "durable: writeFile: not kept: 'unsupported'; transaction, replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM",
);
row(
  'sshfs, dir_cache=no, direct_io, no_check_root',
  19,
  'names: 255 characters, update, 255 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'hard links: rename over another, rename over its other name, remove: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'shared directory: update, transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'readers: filesystem: absent 1.9 %',
  'reads by the package: updateFile: refused: ERR_UNTORN_UNSAFE_FILESYSTEM 100.0 %',
  'updates: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'directory exchanged: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'takeover: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  "durable: writeFile: not kept: 'unsupported'; transaction, replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM",
);
row(
  'sshfs, server without posix-rename',
  18,
  'write: over another: refused: EPERM',
  'names: 1 characters, update, 1 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'hard links: write: refused: EPERM; rename over another, rename over its other name, remove: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'mode and owner given: mode, owner: refused: EPERM',
  'keep: refused: EPERM',
  'shared directory: write: refused: EPERM; update, transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'readers: filesystem: absent 8.6 %',
  'reads by the package: updateFile: refused: ERR_UNTORN_UNSAFE_FILESYSTEM 100.0 %',
  'updates: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'directory exchanged: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'takeover: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
);
row(
  'sshfs, server without posix-rename, workaround=rename',
  19,
  'names: 247 characters, update, 247 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'hard links: rename over another, rename over its other name, remove: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'shared directory: update, transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'readers: filesystem: absent 0.3 %',
  'reads by the package: updateFile: refused: ERR_UNTORN_UNSAFE_FILESYSTEM 100.0 %',
  'updates: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'directory exchanged: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'takeover: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  "durable: writeFile: not kept: 'unsupported'; transaction, replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM",
);
row(
  'sshfs, server without fsync and hardlink',
  18,
  'create only: refused: EPERM',
  'names: 255 characters, update, 255 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'shared directory: create only: refused: EPERM; update, transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'readers: filesystem: absent 4.3 %',
  'reads by the package: updateFile: refused: ERR_UNTORN_UNSAFE_FILESYSTEM 100.0 %',
  'updates: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'directory exchanged: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'takeover: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  "durable: writeFile: not kept: 'unsupported'; transaction, replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM",
);
row(
  'rclone, vfs-cache-mode=off',
  18,
  'create only: refused: EIO',
  'names: 255 characters, update, 255 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'mode and owner given: refused: EPERM',
  'shared directory: create only: refused: EIO; update, transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'doctor: litter: filesystem: what is removed stays',
  'readers: filesystem: EIO 5.0 %, torn 0.1 %',
  'reads by the package: readVersioned, readVersionedSync: filesystem: torn; updateFile: refused: ERR_UNTORN_UNSAFE_FILESYSTEM 100.0 %',
  'updates: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'directory exchanged: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'takeover: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'signals: unhandled, handled: filesystem: what is removed stays',
  "durable: writeFile: not kept: 'unsupported'; transaction, replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM",
);
row(
  'rclone, vfs-cache-mode=full',
  18,
  'create only: refused: EIO',
  'names: 255 characters, update, 255 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'mode and owner given: refused: EPERM',
  'shared directory: create only: refused: EIO; update, transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'readers: filesystem: torn 1.7 %',
  'reads by the package: readVersioned, readVersionedSync: filesystem: torn; updateFile: refused: ERR_UNTORN_UNSAFE_FILESYSTEM 100.0 %',
  'updates: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'transaction: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'directory exchanged: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  'takeover: refused: ERR_UNTORN_UNSAFE_FILESYSTEM',
  "durable: writeFile: not kept: 'unsupported'; transaction, replaceDirectory: refused: ERR_UNTORN_UNSAFE_FILESYSTEM",
);
row(
  'securefs',
  19,
  'readers: filesystem: absent 2.4 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'disorderfs',
  19,
  'readers: filesystem: absent 1.8 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'mhddfs',
  19,
  'readers: filesystem: absent 0.7 %',
  'replaceDirectory: refused: EIO',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'posixovl',
  18,
  'mode and owner given: mode: refused: EPERM',
  'readers: filesystem: absent 1.3 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'convmvfs',
  19,
  'readers: filesystem: absent 0.9 %',
  'replaceDirectory: refused: ENOENT',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'unionfs-fuse',
  19,
  'readers: filesystem: absent 0.3 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'fuse2fs',
  18,
  'readers: filesystem: absent 5.0 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);

export const matrix: ReadonlyMap<string, MatrixRow> = rows;
