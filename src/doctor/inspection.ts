/** What an inspection finds. */
import type { NotKept, PathName } from '../contract/index.ts';
import type { Sign } from '../system/index.ts';

/**
 * How much a finding matters.
 *
 * - `'failure'`: a write fails here.
 * - `'limit'`: a write succeeds, and something does not hold that the guarantees say.
 * - `'leftover'`: a dead process left something, which `sweep` or `recover` deals with.
 * - `'fact'`: good to know.
 */
export type FindingLevel = 'failure' | 'limit' | 'leftover' | 'fact';

/** What a finding is about. */
export type FindingSubject =
  'file' | 'links' | 'filesystem' | 'access' | 'metadata' | 'durability' | 'locks' | 'leftovers' | 'tried' | 'cost';

/** One thing that was found, in words. */
export interface Finding {
  readonly level: FindingLevel;
  readonly about: FindingSubject;
  /** A word for programs, as `'read-only'`; the words of {@link text} may change. */
  readonly code: string;
  readonly text: string;
}

/** A symbolic link on the way to a file. */
export interface InspectedLink {
  readonly path: PathName;
  /** The text of the link. */
  readonly to: PathName;
}

/** The filesystem of a directory, and how it is mounted. */
export interface InspectedFilesystem {
  /** Its type, as `'ext4'` or `'fuse.sshfs'`; undefined where the system does not tell, as on other systems than Linux. */
  readonly type: string | undefined;
  /** The device, or what its type calls so. */
  readonly source: string | undefined;
  readonly mountPoint: string | undefined;
  /** The directory or file of it that is mounted there; `'/'` unless it is a bind mount or a subvolume. */
  readonly root: string | undefined;
  readonly options: readonly string[];
  /** The rows of the table in docs/filesystems.md that this may be. */
  readonly rows: readonly string[];
}

/** The owner of a lock, a temporary file or a transaction, as its name tells. */
export interface InspectedOwner {
  readonly pid: number;
  /** Whether process numbers of this process can be compared with that one. */
  readonly where: 'here' | 'elsewhere';
  /** Its command line, if it runs here and the system tells. */
  readonly command: string | undefined;
  readonly sign: Sign;
}

/** A lock that somebody holds. */
export interface InspectedLock {
  /** The file that it locks, if its name tells. */
  readonly file: PathName | undefined;
  /** The directory of the lock. */
  readonly path: PathName;
  /** Undefined if something is there that is not this package's. */
  readonly holder: InspectedOwner | undefined;
  /** How many wait for it. */
  readonly waiting: number;
}

/** Something that is not finished: it is being written, or it was left by a process that ended. */
export interface InspectedLeftover {
  readonly path: PathName;
  /**
   * A temporary file; a copy that was kept after a failure; a transaction, by its record or its first staged file; a
   * directory that was being filled or removed.
   */
  readonly kind: 'temporary' | 'recovery' | 'transaction' | 'tree';
  readonly owner: InspectedOwner;
}

/** What was measured; see {@link InspectOptions.measure}. */
export interface Measured {
  /** Milliseconds that one durable write of 4 KiB over an existing file took. */
  readonly milliseconds: number;
  /** What its result said. */
  readonly durable: boolean | 'unsupported';
}

/** What holds at a path. */
export interface Inspection {
  /** The path, absolute. */
  readonly path: PathName;
  /** Where it leads, symbolic links followed. */
  readonly target: PathName;
  /** What is there. */
  readonly kind: 'file' | 'directory' | 'special' | 'missing';
  readonly links: readonly InspectedLink[];
  /** Undefined if the directory cannot be reached. */
  readonly filesystem: InspectedFilesystem | undefined;
  /**
   * What the result of a write with durability `'full'` would say of itself; `'unknown'` if only a write tells, false if
   * it would fail.
   */
  readonly durable: boolean | 'unsupported' | 'unknown';
  /** What of the file a write could not keep. Without `measure` as far as it can be told. */
  readonly notKept: readonly NotKept[];
  /** Whether locks can be had, for updates, `ifMatch` and transactions; `'unknown'` if only an attempt tells. */
  readonly lockable: boolean | 'unknown';
  /** Locks in the directory. */
  readonly locks: readonly InspectedLock[];
  /** What is not finished in the directory. */
  readonly leftovers: readonly InspectedLeftover[];
  readonly measured: Measured | undefined;
  /** Everything in words. */
  readonly findings: readonly Finding[];
}
