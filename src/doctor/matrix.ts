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

row('ext4', 18);
row('ext4 without a journal', 18);
row('ext3', 18);
row('ext2', 18);
row('xfs', 18);
row('btrfs', 18);
row('tmpfs', 18);
row('overlay, index=off', 18);
row('overlay, index=on', 18);
row('overlay, metacopy=on', 18);
row('overlay, volatile', 18, "durable: not kept: 'unsupported'");
row('fuse-overlayfs', 18, "durable: not kept: 'unsupported'");
row(
  'ntfs-3g',
  18,
  'names: 236 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ENOTSUP',
  'hard links: rename over another, rename over its other name, remove: refused: ENOTSUP',
  'mode and owner given: refused: EPERM',
  'keep: xattr: not kept: xattr (has no mode, owner, group, acl)',
  'shared directory: transaction: refused: ENOTSUP',
  'readers: filesystem: absent 1.1 %',
  'updates: refused: some with ENOENT',
  'transaction: refused: ENOTSUP',
  'directory exchanged: refused: ENOTSUP',
  "durable: writeFile, replaceDirectory: not kept: 'unsupported'; transaction: refused: ENOTSUP",
);
row(
  'ntfs-3g, permissions',
  18,
  'readers: filesystem: absent 0.2 %',
  'updates: updateFileSync, ifMatch: refused: some with ENOENT',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'exfat-fuse',
  17,
  'create only: refused: EPERM',
  'names: 255 characters, transaction: refused: ENOTSUP; names that differ in case, transaction, rename to a name that differs in case: refused: EINVAL',
  'mode and owner given: refused: EPERM',
  'shared directory: create only: refused: EPERM; transaction: refused: ENOTSUP',
  'readers: filesystem: absent 5.2 %',
  'updates: refused: some with ENOENT',
  'transaction: refused: ENOTSUP',
  'replaceDirectory: refused: ENOSYS',
  'directory exchanged: refused: ENOTSUP',
  "durable: writeFile: not kept: 'unsupported'; transaction: refused: ENOTSUP; replaceDirectory: refused: ENOSYS",
);
row('fusefat', 1, 'write: filesystem: hangs');
row(
  'bindfs',
  18,
  'readers: filesystem: absent 2.1 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'bindfs --chmod-ignore --chown-ignore',
  18,
  'mode and owner given: mode, owner: refused: EPERM',
  'keep: xattr: try: not kept: mode (has no mode, owner)',
  'readers: filesystem: absent 3.3 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'bindfs --chmod-deny --chown-deny --xattr-none',
  18,
  'mode and owner given: mode, owner: refused: EPERM',
  'readers: filesystem: absent 4.0 %',
  'replaceDirectory: refused: EPERM',
  'directory exchanged: refused: EPERM',
  "durable: writeFile, transaction: not kept: 'unsupported'; replaceDirectory: refused: EPERM",
);
row(
  'bindfs --force-user --perms',
  18,
  'names: 255 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ENOTSUP',
  'hard links: rename over another, rename over its other name, remove: refused: ENOTSUP',
  'mode and owner given: refused: EPERM',
  'keep: acl: not kept: acl; xattr: not kept: xattr (has no owner)',
  'shared directory: transaction: refused: ENOTSUP',
  'readers: filesystem: absent 2.2 %',
  'updates: updateFileSync, ifMatch: refused: some with ENOENT',
  'transaction: refused: ENOTSUP',
  'directory exchanged: refused: ENOTSUP',
  "durable: writeFile, replaceDirectory: not kept: 'unsupported'; transaction: refused: ENOTSUP",
);
row(
  'mergerfs, category.create=rand',
  18,
  'hard links: rename over another, rename over its other name: refused: ERR_LOCK_UNSUPPORTED',
  'shared directory: update, transaction: refused: ERR_LOCK_UNSUPPORTED',
  'reads by the package: updateFile: refused: ERR_LOCK_UNSUPPORTED 2.9 %',
  'updates: updateFile: refused: some with ERR_LOCK_UNSUPPORTED; updateFileSync, ifMatch: refused: some with ERR_LOCK_UNSUPPORTED, ESTALE',
  'transaction: refused: ERR_LOCK_UNSUPPORTED',
  'replaceDirectory: refused: ERR_LOCK_UNSUPPORTED',
  'directory exchanged: refused: ERR_LOCK_UNSUPPORTED, ENOTSUP',
  'takeover: refused: ERR_LOCK_UNSUPPORTED',
  "durable: writeFile: not kept: 'unsupported'; transaction, replaceDirectory: refused: ERR_LOCK_UNSUPPORTED",
);
row('mergerfs, category.create=ff', 18, 'directory exchanged: refused: ENOTSUP', "durable: not kept: 'unsupported'");
row(
  'mergerfs, category.create=epmfs',
  18,
  'updates: refused: some with ERR_LOCK_UNSUPPORTED',
  'replaceDirectory: refused: some with ERR_LOCK_UNSUPPORTED',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'gocryptfs',
  18,
  'readers: filesystem: absent 0.6 %, torn 0.0 %',
  'reads by the package: updateFile: refused: ENOENT 21.4 %',
  "durable: not kept: 'unsupported'",
);
row(
  'encfs',
  18,
  'readers: filesystem: absent 2.5 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'sshfs',
  18,
  'readers: filesystem: absent 3.0 %, Unknown system error -116 0.1 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'sshfs, dir_cache=no, direct_io, no_check_root',
  18,
  'readers: filesystem: absent 1.8 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'sshfs, server without posix-rename',
  17,
  'write: over another: refused: EPERM',
  'names: 1 characters, update, 1 characters, transaction: refused: EPERM',
  'hard links: write, rename over another, rename over its other name: refused: EPERM',
  'mode and owner given: mode, owner: refused: EPERM',
  'keep: refused: EPERM',
  'shared directory: write, update, transaction: refused: EPERM',
  'readers: filesystem: absent 2.1 %',
  'updates: refused: EPERM',
  'transaction: refused: EPERM',
  'replaceDirectory: refused: EPERM',
  'directory exchanged: refused: ENOTSUP',
  'takeover: refused: EPERM',
);
row(
  'sshfs, server without posix-rename, workaround=rename',
  18,
  'names: 247 characters, update, 247 characters, transaction, names that differ in case, transaction, rename to a name that differs in case: refused: ERR_LOCK_UNSUPPORTED',
  'hard links: rename over another, rename over its other name, remove: refused: ERR_LOCK_UNSUPPORTED',
  'shared directory: update, transaction: refused: ERR_LOCK_UNSUPPORTED',
  'readers: filesystem: absent 4.0 %, Unknown system error -116 0.2 %',
  'reads by the package: updateFile: refused: ERR_LOCK_UNSUPPORTED 100.0 %',
  'updates: refused: ERR_LOCK_UNSUPPORTED',
  'transaction: refused: ERR_LOCK_UNSUPPORTED',
  'replaceDirectory: refused: ERR_LOCK_UNSUPPORTED',
  'directory exchanged: refused: ERR_LOCK_UNSUPPORTED',
  'takeover: refused: ERR_LOCK_UNSUPPORTED',
  "durable: writeFile: not kept: 'unsupported'; transaction, replaceDirectory: refused: ERR_LOCK_UNSUPPORTED",
);
row(
  'sshfs, server without fsync and hardlink',
  17,
  'create only: refused: EPERM',
  'shared directory: create only: refused: EPERM',
  'readers: filesystem: absent 2.0 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'rclone, vfs-cache-mode=off',
  17,
  'create only: refused: EIO',
  'names: rename to a name that differs in case: refused: EIO',
  'mode and owner given: refused: EPERM',
  'shared directory: create only: refused: EIO',
  'readers: filesystem: EIO 24.2 %, torn 0.2 %',
  'reads by the package: filesystem: torn',
  'updates: updateFileSync, ifMatch: VIOLATION: left',
  'transaction: refused: EIO',
  'replaceDirectory: refused: ERR_VERSION_CONFLICT',
  'directory exchanged: refused: ERR_VERSION_CONFLICT',
  'signals: unhandled, handled: filesystem: what is removed stays',
  "durable: writeFile, transaction: not kept: 'unsupported'; replaceDirectory: refused: ERR_VERSION_CONFLICT",
);
row(
  'rclone, vfs-cache-mode=full',
  17,
  'create only: refused: EIO',
  'names: rename to a name that differs in case: refused: EIO',
  'mode and owner given: refused: EPERM',
  'shared directory: create only: refused: EIO',
  'readers: filesystem: absent 1.5 %, torn 4.5 %',
  'reads by the package: filesystem: torn',
  'transaction: refused: EIO',
  'replaceDirectory: refused: ERR_VERSION_CONFLICT',
  'directory exchanged: refused: ERR_VERSION_CONFLICT',
  "durable: writeFile, transaction: not kept: 'unsupported'; replaceDirectory: refused: ERR_VERSION_CONFLICT",
);
row(
  'securefs',
  18,
  'readers: filesystem: absent 6.9 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'disorderfs',
  18,
  'readers: filesystem: absent 1.8 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'mhddfs',
  18,
  'readers: filesystem: absent 3.8 %',
  'replaceDirectory: refused: EIO',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'posixovl',
  17,
  'mode and owner given: mode: refused: EPERM',
  'readers: filesystem: absent 3.3 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'convmvfs',
  18,
  'readers: filesystem: absent 1.9 %',
  'replaceDirectory: refused: ENOENT',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'unionfs-fuse',
  18,
  'readers: filesystem: absent 0.8 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);
row(
  'fuse2fs',
  17,
  'readers: filesystem: absent 3.5 %',
  'directory exchanged: refused: ENOTSUP',
  "durable: not kept: 'unsupported'",
);

export const matrix: ReadonlyMap<string, MatrixRow> = rows;
