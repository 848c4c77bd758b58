/**
 * What is known of filesystems, by their numbers in statfs(2). Of those that are not here nothing is taken for granted.
 *
 * - own: only this machine's kernel has it mounted, and what it says of a name is so. Others, on a network or served by
 *   a program (FUSE), say now and then that a file is absent that is being replaced, and rename one that is open
 *   otherwise.
 * - local: a write through O_SYNC is the write and its fsync in one call, a close reports nothing, modes and owners are
 *   as they were set, and a look at what was just used takes no more than memory.
 * - syncsDirectories: an fsync of a directory makes the names in it durable. The kernel answers it by itself for most
 *   programs behind FUSE, and for some servers.
 * - unless: what the type leaves open. An overlay may be mounted to drop every sync; and where ext has no journal, a
 *   sync of a directory leaves the symbolic links in it out.
 */
import { codeOf, type PathName } from '../contract/index.ts';
import { call, type Steps } from '../system/index.ts';

export interface Filesystem {
  readonly own: boolean;
  readonly local: boolean;
  readonly syncsDirectories: boolean;
  readonly unless?: 'volatile' | 'no journal';
}

const local: Filesystem = { own: true, local: true, syncsDirectories: true };
const own: Filesystem = { own: true, local: false, syncsDirectories: true };
const network: Filesystem = { own: false, local: false, syncsDirectories: true };

/** Nothing is known, as of FUSE (0x65735546) and SMB. */
const unknown: Filesystem = { own: false, local: false, syncsDirectories: false };

const known: ReadonlyMap<number, Filesystem> = new Map([
  [0xef53, { ...local, unless: 'no journal' }], // ext2, ext3 and ext4
  [0x58465342, local], // XFS
  [0x9123683e, local], // Btrfs
  [0x01021994, local], // tmpfs
  [0x858458f6, local], // ramfs
  [0x794c7630, { ...own, unless: 'volatile' }], // overlayfs
  [0xf2f52010, own], // F2FS
  [0x4d44, own], // FAT
  [0x2011bab0, own], // exFAT
  [0x7366746e, own], // NTFS, by the kernel
  [0x2fc12fc1, own], // ZFS
  [0xca451a4e, own], // bcachefs
  [0x3153464a, own], // JFS
  [0x6969, network], // NFS
  [0x00c36400, network], // CephFS
]);

/** Other systems than Linux do not tell by such numbers; there the filesystem is taken for one of the machine's own. */
const elsewhere: Filesystem = own;

/** The filesystem of what is at a path. */
export function* filesystemAt(path: PathName): Steps<Filesystem> {
  if (process.platform !== 'linux') return elsewhere;
  let type;
  try {
    type = yield* call.statfs(path);
  } catch (error) {
    // Without descriptors nothing is known of any filesystem: that passes.
    if (['EMFILE', 'ENFILE'].includes(codeOf(error) ?? '')) throw error;
    return unknown; // Where that cannot be asked, or there is nothing.
  }
  return known.get(type) ?? unknown;
}
