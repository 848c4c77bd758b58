/**
 * The names of backups, and which files with such a name are trusted.
 *
 * Whoever can write the directory can give any file such a name. So only a regular file counts that this user or the
 * owner of the target has made. Other files are never removed because of their numbers, and their numbers do not make
 * others be removed.
 */
import { constants } from 'node:buffer';
import { asText, fromBytes, surround, type PathName } from '../contract/index.ts';
import { fileType, type FileStatus, type Steps } from '../system/index.ts';
import { type Operation, isTrusted, lookIn, namesIn, othersRename, type Target } from '../files/index.ts';

type BackedUp = Pick<Target, 'directory' | 'directoryPath' | 'name' | 'existing'>;

/** The name of a simple backup. */
export function simple(name: PathName): PathName {
  return surround('', name, '~');
}

/** The names of GNU's numbered backups. */
export function numbered(name: PathName, number: number): PathName {
  return surround('', name, `.~${number}~`);
}

/**
 * The highest number with as many digits as names may have. Numbers near it do not count: after a file with such a name
 * there would be no more numbers.
 */
const highest = 999_999_999;
const highestBelieved = 999_000_000;

/** The numbers in use in the directory, whoever made the files; the highest first. */
function* numbersTaken(target: BackedUp): Steps<number[]> {
  const start = `${asText(target.name)}.~`;
  const numbers = (yield* namesIn(target)).flatMap((name) => {
    const text = typeof name === typeof target.name ? asText(name) : asText(fromBytes(Buffer.from(name)));
    const number = text.startsWith(start) ? /^([1-9]\d{0,8})~$/.exec(text.slice(start.length))?.[1] : undefined;
    return number === undefined ? [] : [Number(number)];
  });
  return numbers.toSorted((a, b) => b - a);
}

/** The numbers of the trusted backups, the newest first; no more than are wanted. */
export function* numbersBelieved(
  operation: Operation,
  target: BackedUp,
  wanted: number = Infinity,
  taken?: readonly number[],
): Steps<number[]> {
  const believed: number[] = [];
  for (const number of taken ?? (yield* numbersTaken(target))) {
    if (believed.length >= wanted) break;
    if (number > highestBelieved) continue;
    const status = yield* lookIn(target, numbered(target.name, number));
    if (status !== undefined && whyNoBackup(operation, target.directory.status, target.existing, status) === undefined)
      believed.push(number);
  }
  return believed;
}

/** The name of the next backup, and those of the older ones that then exceed `limit`. */
export function* nextNumbered(
  operation: Operation,
  target: BackedUp,
  limit: number,
): Steps<{ name: PathName; surplus: PathName[] }> {
  const taken = yield* numbersTaken(target);
  const believed = yield* numbersBelieved(operation, target, limit === Infinity ? 1 : Infinity, taken);
  const number = freeNumber(new Set(taken), (believed[0] ?? 0) + 1);
  const surplus = believed.slice(limit - 1).map((old) => numbered(target.name, old));
  return { name: numbered(target.name, number), surplus: limit === Infinity ? [] : surplus };
}

/** The first free number from a given one on; if none is left, the lowest. */
function freeNumber(taken: ReadonlySet<number>, from: number): number {
  let number = from;
  while (taken.has(number)) number++;
  return number <= highest ? number : freeNumber(taken, 1);
}

/**
 * Why a file is not trusted as a backup of the target; undefined if it is. Where others can rename files, it must be as
 * open to them as the target: its content may become the target's.
 */
export function whyNoBackup(
  operation: Operation,
  parent: FileStatus,
  target: FileStatus | undefined,
  status: FileStatus,
): string | undefined {
  if (fileType(status.mode) !== 'file') return 'is not a regular file';
  if (!isTrusted(operation, parent, status) && status.uid !== target?.uid) return "is another user's";
  if (status.size > constants.MAX_STRING_LENGTH) return 'is too large';
  if (operation.environment.platform === 'win32' || !othersRename(operation, { status: parent })) return undefined;
  // If there is no target, everybody may read what takes its place.
  const { uid, gid, mode } = target ?? { ...status, mode: 0o644 };
  const isAsOpen = status.uid === uid && status.gid === gid && (mode & ~status.mode & 0o044) === 0;
  return isAsOpen ? undefined : 'is less open than the file';
}
