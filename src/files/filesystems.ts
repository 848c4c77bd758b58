/**
 * What is known of filesystems, by their numbers in statfs(2). For unlisted filesystems nothing is assumed.
 *
 * - own: only this machine's kernel has it mounted, and its answers about names are final. Others, on a network or
 * served by a program (FUSE), sometimes report a file as absent while it is replaced, and rename an open file
 * differently.
 * - local: a close reports nothing, modes and owners are
 * as they were set, and a look at something just used is answered from memory.
 * - syncsDirectories: an fsync of a directory makes the names in it durable. For most programs behind FUSE, and for
 * some servers, the kernel answers it by itself.
 * - unless: what the type alone does not decide. An overlay may be mounted to drop every sync; and if ext has no
 * journal, a sync of a directory does not include its symbolic links.
 * - hasFlags: files have inode flags, and a file's status shows whether it has one that is kept; or not all of them, as
 * NOCOW of Btrfs.
 */
import { isShortage, type PathName } from '../contract/index.ts';
import { call, type Steps } from '../system/index.ts';

export interface Filesystem {
  readonly own: boolean;
  readonly local: boolean;
  readonly syncsDirectories: boolean;
  readonly unless?: 'volatile' | 'no journal';
  readonly hasFlags?: 'shown' | 'hidden';
}

const local: Filesystem = { own: true, local: true, syncsDirectories: true };
const own: Filesystem = { own: true, local: false, syncsDirectories: true };
const network: Filesystem = { own: false, local: false, syncsDirectories: true };

/** Nothing is known, as of FUSE (0x65735546) and SMB. */
const unknown: Filesystem = { own: false, local: false, syncsDirectories: false };

const known: ReadonlyMap<number, Filesystem> = new Map([
  [0xef53, { ...local, unless: 'no journal', hasFlags: 'shown' }], // ext2, ext3 and ext4
  [0x58465342, { ...local, hasFlags: 'shown' }], // XFS
  [0x9123683e, { ...local, hasFlags: 'hidden' }], // Btrfs
  [0x01021994, local], // tmpfs
  [0x858458f6, local], // ramfs
  [0x794c7630, { ...own, unless: 'volatile' }], // overlayfs
  [0xf2f52010, { ...own, hasFlags: 'hidden' }], // F2FS
  [0x4d44, own], // FAT
  [0x2011bab0, own], // exFAT
  [0x7366746e, own], // NTFS, by the kernel
  [0x2fc12fc1, own], // ZFS
  [0xca451a4e, own], // bcachefs
  [0x3153464a, own], // JFS
  [0x6969, network], // NFS
  [0x00c36400, network], // CephFS
]);

/** Systems other than Linux do not have these numbers; there the filesystem is taken for the machine's own. */
const elsewhere: Filesystem = own;

/** The filesystem of a path. */
export function* filesystemAt(path: PathName): Steps<Filesystem> {
  if (process.platform !== 'linux') return elsewhere;
  let type;
  try {
    type = yield* call.statfs(path);
  } catch (error) {
    // Without free descriptors nothing is known of any filesystem, but that passes.
    if (isShortage(error)) throw error;
    return unknown; // The system cannot answer, or the path does not exist.
  }
  return known.get(type) ?? unknown;
}
