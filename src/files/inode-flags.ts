/**
 * Flags of the replaced file's inode (ioctl_iflags(2), chattr(1)) and its project, which quotas count by.
 *
 * A new file gets some of them from its directory. They are set while it is empty: Btrfs takes NOCOW only then.
 */
import { codeOf, isShortage, refusal } from '../contract/index.ts';
import {
  call,
  chain,
  type FileStatus,
  type Link,
  O_NOFOLLOW,
  O_RDONLY,
  opened,
  uninterrupted,
  waitsElsewhere,
  type Steps,
} from '../system/index.ts';
import { during, type Operation } from './operation.ts';
import { isSameInode } from './owned.ts';
import { preserving } from './preserve.ts';
import type { InodeFlags, Target } from './target.ts';
import type { TemporaryFile } from './temporary.ts';
import { afterFailure } from './tolerate.ts';

/** linux/fs.h; the others belong to the content, or forbid that the file is replaced. */
const [compressed, synchronous, noDump, noAccessTime, notCompressed, noCopyOnWrite] = [
  0x4, 0x8, 0x40, 0x80, 0x400, 0x800000,
];
const kept = compressed | synchronous | noDump | noAccessTime | notCompressed | noCopyOnWrite;

/** Flags that statx(2) shows (STATX_ATTR_COMPRESSED and STATX_ATTR_NODUMP): they have the same bits. */
const shown = compressed | noDump;

/**
 * Whether a file may have flags that a new one would not get by itself. It is opened for them only if its status or its
 * filesystem says so: programs that watch a file see that it is opened.
 */
export function mayHaveFlags({ environment, settings }: Operation, { existing, directory }: Target): boolean {
  if (existing === undefined || directory.hasFlags === undefined || settings.preserve.flags === 'off') return false;
  if (directory.hasFlags === 'hidden' || ((existing.attributes ?? 0) & shown) !== 0) return true;
  return environment.hasProjects(directory.status.dev);
}

/** Errors that say that another program has removed the file, or put a link there. */
const gone = new Set(['ENOENT', 'ELOOP']);
/** Errors that say that files have no flags here, or no projects. */
const noSuchThing = new Set(['ENOTTY', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Those flags of the old file, if it has any; or that they cannot be read. */
export function* readFlags(target: Target): Steps<InodeFlags | 'unknown' | undefined> {
  const links: Link[] = [
    ['open', target.accessPath, O_RDONLY | O_NOFOLLOW, 0],
    ['fstat', opened],
    ['getflags', opened],
    ['getproject', opened],
    ['close', opened],
  ];
  let { results, error } = yield* uninterrupted(chain(links));
  if (waitsElsewhere(error)) ({ results, error } = yield* chain(links));
  const [fd, status, flags, project] = results as [number?, FileStatus?, number?, number?];
  if (fd !== undefined && results.length < links.length) yield* afterFailure(call.close(fd));
  if (isShortage(error)) throw error;
  const code = codeOf(error) ?? '';
  if (fd === undefined && gone.has(code)) return undefined;
  if (project === undefined && !noSuchThing.has(code)) return 'unknown';
  if (flags === undefined) return undefined;
  // Another program has put another file there meanwhile.
  if (!isSameInode(status, target.existing)) return undefined;
  const found = { flags: flags & kept, project: project ?? 0 };
  return found.flags === 0 && found.project === 0 ? undefined : found;
}

/** Sets the flags of the old file on the new one, which is empty. */
export function* keepFlags(operation: Operation, target: Target, temporary: TemporaryFile): Steps<void> {
  const { flags: old, notKept } = target;
  if (old === undefined) return;
  const setting = old === 'unknown' ? notReadable() : setFlags(temporary.fd, old);
  yield* during(operation, 'set metadata', preserving(operation.settings.preserve.flags, setting, 'flags', notKept));
}

// oxlint-disable-next-line require-yield -- it stands where a system call would
function* notReadable(): Steps<void> {
  throw refusal('EACCES', 'the flags of the old file cannot be read');
}

function* setFlags(fd: number, old: InodeFlags): Steps<void> {
  const now = yield* call.getflags(fd);
  const wanted = (now & ~kept) | old.flags;
  if (wanted !== now) {
    yield* call.setflags(fd, wanted);
    if ((yield* call.getflags(fd)) !== wanted) throw refusal('EPERM', 'the flags cannot be set here');
  }
  if (old.project === 0 || (yield* call.getproject(fd)) === old.project) return;
  yield* call.setproject(fd, old.project, yield* call.getxflags(fd));
  if ((yield* call.getproject(fd)) !== old.project) throw refusal('EPERM', 'the project cannot be set here');
}
