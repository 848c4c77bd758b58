/**
 * The journal: the changes of a transaction as they are written down, in a line of JSON and a line with its checksum.
 *
 * A journal is input: it may be damaged, of another version, or hostile. A journal without this form is refused, and
 * nothing is touched. See `find-record.ts` for which journals are trusted.
 */
import { isUtf8 } from 'node:buffer';
import { refusal, relativePath, type PathName } from '../contract/index.ts';
import { digest, tokenForm, type FileStatus } from '../system/index.ts';

/**
 * The identity of a file, which distinguishes it from a file that took its place later. Size and time are left out if
 * they may not be on the disk.
 */
export interface Identity {
  readonly ino: bigint;
  readonly size?: number;
  readonly mtimeNs?: bigint;
}

interface Place {
  /** The index of its directory in the journal. */
  readonly directory: number;
  readonly name: PathName;
}

/** A file that takes a name: its identity, and that of the file that had the name before, if any. */
export interface Put extends Place {
  readonly kind: 'put';
  readonly staged: PathName;
  readonly is: Identity;
  readonly over: Identity | undefined;
}

/** A name that is removed, and the file that had it before. */
export interface Removal extends Place {
  readonly kind: 'remove';
  readonly was: Identity;
}

/** One change. The files of a transaction's changes are all different, so their order does not matter. */
export type Change = Put | Removal;

/**
 * Where a directory is. The relative path from the directory that records it is right also if the tree is mounted
 * elsewhere, as in another container. Besides there are its absolute path, and its inode number, by which it is
 * recognized. (A device has another number after each mount.)
 */
export interface Site {
  readonly relative: string | undefined;
  readonly path: PathName;
  readonly ino: bigint;
}

export function siteFrom(from: PathName, path: PathName, ino: bigint): Site {
  return { relative: relativePath(from, path), path, ino };
}

export interface Journal {
  readonly id: string;
  /** The inode number of the file that contains it. */
  readonly ino: bigint;
  /** The first is the home, in which the journal was written. */
  readonly directories: readonly [Site, ...Site[]];
  /** The random parts of the names of the transaction's locks. */
  readonly locks: readonly string[];
  readonly changes: readonly Change[];
}

/** The pointer to a transaction in another of its directories, or in the note of one of its locks. */
export interface Pointer {
  readonly id: string;
  /** The inode number of the file that contains it; 0 in a note, which is created under another name. */
  readonly ino: bigint;
  /** The directory in which it was written. */
  readonly directory: Site;
  readonly home: Site;
}

const version = 2;

export function encodeJournal({ id, ino, directories, locks, changes }: Journal): Uint8Array {
  const sites = directories.map(encodeSite);
  return seal({
    untorn: 'transaction',
    version,
    id,
    ino: String(ino),
    directories: sites,
    locks,
    changes: changes.map(encodeChange),
  });
}

export function encodePointer({ id, ino, directory, home }: Pointer): Uint8Array {
  return seal({
    untorn: 'pointer',
    version,
    id,
    ino: String(ino),
    directory: encodeSite(directory),
    home: encodeSite(home),
  });
}

function seal(value: unknown): Uint8Array {
  const line = JSON.stringify(value);
  return Buffer.from(`${line}\n${digest(line)}\n`);
}

type Fields = Record<string, unknown>;

function encodePath(path: PathName): unknown {
  return typeof path === 'string' ? path : { bytes: path.toString('base64') };
}

function encodeSite({ relative, path, ino }: Site): unknown {
  return { ...(relative !== undefined && { relative }), path: encodePath(path), ino: String(ino) };
}

function decodeSite(value: unknown): Site {
  const { relative, path, ino } = record(value);
  if (relative !== undefined && (typeof relative !== 'string' || relative === '' || relative.includes('\0')))
    throw damaged('a value is not a path');
  return { relative, path: decodePath(path), ino: integer(ino) };
}

function encodeIdentity(identity: Identity | undefined): unknown {
  if (identity === undefined) return null;
  const { ino, size, mtimeNs } = identity;
  return {
    ino: String(ino),
    ...(size !== undefined && { size }),
    ...(mtimeNs !== undefined && { mtime: String(mtimeNs) }),
  };
}

function encodeChange(change: Change): unknown {
  const common = { kind: change.kind, directory: change.directory, name: encodePath(change.name) };
  if (change.kind === 'put')
    return {
      ...common,
      staged: encodePath(change.staged),
      is: encodeIdentity(change.is),
      over: encodeIdentity(change.over),
    };
  return { ...common, was: encodeIdentity(change.was) };
}

/** Reads a journal; fails if it is incomplete, of another version, or of another transaction. */
export function decodeJournal(bytes: Uint8Array, id: string): Journal {
  const { ino, directories, locks, changes } = open(bytes, 'transaction', id);
  const [home, ...others] = listIn(directories).map(decodeSite);
  if (home === undefined) throw damaged('it has no directory');
  const decoded = listIn(changes).map((change) => decodeChange(change, others.length + 1, id));
  return { id, ino: integer(ino), directories: [home, ...others], locks: listIn(locks).map(String), changes: decoded };
}

export function decodePointer(bytes: Uint8Array, id: string): Pointer {
  const { ino, directory, home } = open(bytes, 'pointer', id);
  return { id, ino: integer(ino), directory: decodeSite(directory), home: decodeSite(home) };
}

const form = new RegExp(`^${tokenForm}$`);

/** Reads the note of a lock. */
export function decodeNote(bytes: Uint8Array): Pointer {
  const { id } = open(bytes, 'pointer');
  if (typeof id !== 'string' || !form.test(id)) throw damaged('it has no transaction id');
  return decodePointer(bytes, id);
}

export function damaged(why: string): Error {
  return refusal('ERR_UNTORN_JOURNAL', `the journal of a transaction is damaged: ${why}`);
}

function open(bytes: Uint8Array, what: string, id?: string): Fields {
  const [line, sum, end, ...more] = Buffer.from(bytes).toString().split('\n');
  if (line === undefined || sum !== digest(line) || end !== '' || more.length > 0)
    throw damaged('its checksum is wrong');
  const fields = record(JSON.parse(line));
  if (fields['untorn'] !== what) throw damaged(`it is not a ${what}`);
  if (fields['version'] !== version)
    throw refusal(
      'ERR_UNTORN_JOURNAL_VERSION',
      `the journal of a transaction has version ${String(fields['version'])}, which this version of untorn does not know`,
    );
  if (id !== undefined && fields['id'] !== id) throw damaged('it is of another transaction');
  return fields;
}

function record(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged('a value is not an object');
  return value as Fields;
}

function listIn(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw damaged('a value is not a list');
  return value as unknown[];
}

function integer(value: unknown): bigint {
  if (typeof value !== 'string' || !/^-?\d{1,30}$/.test(value)) throw damaged('a value is not a number');
  return BigInt(value);
}

function decodePath(value: unknown): PathName {
  const path = typeof value === 'string' ? value : Buffer.from(String(record(value)['bytes']), 'base64');
  if (path.length === 0 || path.includes('\0') || (typeof path !== 'string' && isUtf8(path)))
    throw damaged('a value is not a path');
  return path;
}

/** A name in a directory; fails if it leads out of it. */
function decodeName(value: unknown): PathName {
  const name = decodePath(value);
  if (
    name.includes('/') ||
    (process.platform === 'win32' && /[\\:]/.test(String(name))) ||
    ['.', '..'].includes(String(name))
  )
    throw damaged('a value is not a name');
  return name;
}

function decodeIdentity(value: unknown): Identity {
  const { ino, size, mtime } = record(value);
  if (size !== undefined && !Number.isSafeInteger(size)) throw damaged('a size is not a number');
  return {
    ino: integer(ino),
    ...(size !== undefined && { size: size as number }),
    ...(mtime !== undefined && { mtimeNs: integer(mtime) }),
  };
}

function decodeChange(value: unknown, directories: number, id: string): Change {
  const { kind, directory, name, staged, is, over, was } = record(value);
  if (!Number.isInteger(directory) || (directory as number) < 0 || (directory as number) >= directories)
    throw damaged('a directory is missing');
  const common = { directory: directory as number, name: decodeName(name) };
  if (kind === 'remove') return { kind, ...common, was: decodeIdentity(was) };
  if (kind !== 'put') throw damaged('a change has an unknown kind');
  const decoded = decodeName(staged);
  if (!decoded.includes(stagedToken(id))) throw damaged('a staged file is of another transaction');
  return {
    kind,
    ...common,
    staged: decoded,
    is: decodeIdentity(is),
    over: over === null ? undefined : decodeIdentity(over),
  };
}

/** The common part of the names of all files that a transaction staged. */
export function stagedToken(id: string): string {
  return `untorn-x-${id}-`;
}

/** The name of a further link to a staged file: as long as its own, so that it fits wherever that does. */
export function furtherName(staged: PathName, id: string): PathName {
  const [token, further] = [stagedToken(id), `untorn-x-${id}+`];
  if (typeof staged === 'string') return staged.replace(token, further);
  return Buffer.from(staged.toString('latin1').replace(token, further), 'latin1');
}

/** The identity of a file from its status. */
export function identityOf({ ino, size, mtimeNs }: FileStatus, onDisk = true): Identity {
  return onDisk ? { ino, size, mtimeNs } : { ino };
}

const second = 1_000_000_000n;

/**
 * Whether it is the recorded file, or missing as recorded; `numbered` says whether inode numbers can be compared. If a
 * program serves the filesystem, a rename may cut the time of a file to seconds, under each of its names (encfs).
 */
export function isSameFile(
  now: FileStatus | undefined,
  recorded: Identity | undefined,
  { numbered, directory }: { readonly numbered: boolean; readonly directory: { readonly own: boolean } },
): boolean {
  if (now === undefined || recorded === undefined) return now === recorded;
  const { ino, size = now.size, mtimeNs = now.mtimeNs } = recorded;
  const isTime = now.mtimeNs === mtimeNs || (!directory.own && now.mtimeNs === mtimeNs - (mtimeNs % second));
  return (!numbered || now.ino === ino) && now.size === size && isTime;
}
