/**
 * What is known of filesystems: by their numbers in statfs(2), and behind FUSE by the program that the list of mounts
 * names.
 *
 * Of a verified filesystem all promises hold, as measured. On an unverified one the package works, and makes sure of
 * what it needs. On an unsafe one no lock excludes others, whatever a single machine sees: what needs a lock is refused
 * there. What is not in the table is unverified, and nothing is assumed of it.
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
 * - shortestLease: the shortest lease of a lock, in milliseconds. With a shorter one a live holder seems dead to other
 * machines, whose clients see its signs of life late.
 * - manyClocks: each machine sets the times of files by its own clock, so that nobody knows the age of the files of
 * another machine.
 * - danger: what was seen to happen on an unsafe filesystem.
 */
import { isShortage, type PathName } from '../contract/index.ts';
import { call, type Mount, type Steps } from '../system/index.ts';

export type Trust = 'verified' | 'unverified' | 'unsafe';

export interface Filesystem {
  readonly label: string;
  readonly trust: Trust;
  readonly own: boolean;
  readonly local: boolean;
  readonly syncsDirectories: boolean;
  readonly unless?: 'volatile' | 'no journal';
  readonly hasFlags?: 'shown' | 'hidden';
  readonly shortestLease?: number;
  readonly manyClocks?: true;
  readonly danger?: string;
}

const local = { trust: 'verified', own: true, local: true, syncsDirectories: true } as const;
const own = { trust: 'unverified', own: true, local: false, syncsDirectories: true } as const;
const network = { trust: 'verified', own: false, local: false, syncsDirectories: true } as const;
const unverified = { trust: 'unverified', own: false, local: false, syncsDirectories: false } as const;
const unsafe = { ...unverified, trust: 'unsafe', manyClocks: true } as const;

/** What happens on object stores and remote protocols that are shown as files. */
const notExclusive = 'it has no rename that excludes others: two processes can hold one lock, and updates are lost';

/** A row of the table: what is known, by which numbers, programs or sources it is recognised, and how it is known. */
export interface Row extends Filesystem {
  /** Numbers of statfs(2). */
  readonly numbers?: readonly number[];
  /** Programs behind FUSE: `fuse.NAME` in the list of mounts. */
  readonly programs?: readonly string[];
  /** For programs that do not say their name there: the form of the mount's source. */
  readonly source?: RegExp;
  /**
   * Measured by `npm run test:filesystems`; measured with two machines; or of a kind with one that was measured, so
   * that no more is promised than for that one.
   */
  readonly evidence: 'one machine' | 'two machines' | 'of this kind';
}

export const table: readonly Row[] = [
  {
    label: 'ext2, ext3, ext4',
    numbers: [0xef53],
    ...local,
    unless: 'no journal',
    hasFlags: 'shown',
    evidence: 'one machine',
  },
  { label: 'XFS', numbers: [0x58465342], ...local, hasFlags: 'shown', evidence: 'one machine' },
  { label: 'Btrfs', numbers: [0x9123683e], ...local, hasFlags: 'hidden', evidence: 'one machine' },
  { label: 'tmpfs', numbers: [0x01021994], ...local, evidence: 'one machine' },
  { label: 'ramfs', numbers: [0x858458f6], ...local, evidence: 'of this kind' },
  { label: 'overlay', numbers: [0x794c7630], ...own, trust: 'verified', unless: 'volatile', evidence: 'one machine' },
  { label: 'F2FS', numbers: [0xf2f52010], ...own, hasFlags: 'hidden', evidence: 'of this kind' },
  { label: 'FAT', numbers: [0x4d44], ...own, evidence: 'of this kind' },
  { label: 'exFAT', numbers: [0x2011bab0], ...own, evidence: 'of this kind' },
  { label: 'NTFS, by the kernel', numbers: [0x7366746e], ...own, evidence: 'of this kind' },
  { label: 'ZFS', numbers: [0x2fc12fc1], ...own, evidence: 'of this kind' },
  { label: 'bcachefs', numbers: [0xca451a4e], ...own, evidence: 'of this kind' },
  { label: 'JFS', numbers: [0x3153464a], ...own, evidence: 'of this kind' },
  { label: 'NFS', numbers: [0x6969], ...network, shortestLease: 10_000, evidence: 'two machines' },
  { label: 'CephFS', numbers: [0x00c36400], ...network, manyClocks: true, evidence: 'two machines' },
  {
    label: 'SMB',
    numbers: [0xff534d42, 0xfe534d42, 0x517b],
    programs: ['smbnetfs', 'fusesmb', 'gvfsd-fuse'],
    ...unsafe,
    danger:
      'if another client has a file open, the server may delete the file instead of replacing it; updates are lost',
    evidence: 'two machines',
  },
  {
    label: 'GlusterFS',
    programs: ['glusterfs'],
    ...unsafe,
    danger: 'with replicas two processes can hold one lock, and updates are lost',
    evidence: 'two machines',
  },
  {
    label: 'sshfs',
    programs: ['sshfs'],
    ...unsafe,
    danger: 'readers can get a mixture of two versions, and a lock cannot be told from one that is free',
    evidence: 'two machines',
  },
  {
    label: 'WebDAV',
    programs: ['davfs', 'davfs2', 'wdfs'],
    source: /^https?:/,
    ...unsafe,
    danger: 'updates are lost without an error, and other machines can find the file empty',
    evidence: 'two machines',
  },
  { label: 's3fs', programs: ['s3fs'], ...unsafe, danger: notExclusive, evidence: 'two machines' },
  {
    label: 'an object store or a remote protocol',
    programs: [
      'rclone',
      'rclonefs',
      'goofys',
      'geesefs',
      'gcsfuse',
      'gcfuse',
      'blobfuse',
      'blobfuse2',
      'mountpoint-s3',
      'mount-s3',
      'riofs',
      'yas3fs',
      'ossfs',
      'cosfs',
      'obsfs',
      'curlftpfs',
      'google-drive-ocamlfuse',
      'onedriver',
      'hubicfuse',
      'svfs',
      'afpfs',
    ],
    source: /^(?:s3|gs|oss|swift|ftps?|mountpoint-s3)(?::|$)/,
    ...unsafe,
    danger: notExclusive,
    evidence: 'of this kind',
  },
  { label: 'ceph-fuse', programs: ['ceph-fuse', 'ceph'], ...unverified, manyClocks: true, evidence: 'two machines' },
  { label: 'MooseFS', programs: ['mfs', 'moosefs'], source: /^mfs/, ...unverified, evidence: 'two machines' },
];

/** FUSE, where the program decides. */
const fuse = 0x65735546;

const byNumber: ReadonlyMap<number, Filesystem> = new Map(
  table.flatMap((row) => (row.numbers ?? []).map((number) => [number, row])),
);
const byProgram: ReadonlyMap<string, Filesystem> = new Map(
  table.flatMap((row) => (row.programs ?? []).map((program) => [program, row])),
);

/** Nothing is known, as of most programs behind FUSE. */
const unknown: Filesystem = { label: 'an unknown filesystem', ...unverified };

/** Systems other than Linux do not have these numbers; there the filesystem is taken for the machine's own. */
export const elsewhere: Filesystem = { label: 'a filesystem', ...own };

/** The filesystem of a path; `mount` tells more of it, if that is needed. */
export function* filesystemAt(path: PathName, mount: () => Mount | undefined = () => undefined): Steps<Filesystem> {
  if (process.platform !== 'linux') return elsewhere;
  let number;
  try {
    number = yield* call.statfs(path);
  } catch (error) {
    // Without free descriptors nothing is known of any filesystem, but that passes.
    if (isShortage(error)) throw error;
    return unknown; // The system cannot answer, or the path does not exist.
  }
  return byNumber.get(number) ?? (number === fuse ? servedBy(mount()) : unknown);
}

/** What is known of a filesystem behind FUSE. */
export function servedBy(mount: Mount | undefined): Filesystem {
  if (mount === undefined) return unknown;
  const program = /^fuse(?:blk)?\.(.*)$/.exec(mount.type)?.[1]?.toLowerCase() ?? '';
  return byProgram.get(program) ?? table.find(({ source }) => source?.test(mount.source) === true) ?? unknown;
}
