/**
 * Flags of the replaced file's inode (ioctl_iflags(2), chattr(1)) and its project, which quotas count by.
 *
 * A new file gets some of them from its directory. They are set while it is empty: Btrfs takes NOCOW only then.
 */
import { refusal, type Keep } from '../contract/index.ts';
import { call, chain, type Link, O_NOFOLLOW, O_RDONLY, opened, uninterrupted, type Steps } from '../system/index.ts';
import { during, type Operation } from './operation.ts';
import { preserving } from './preserve.ts';
import type { InodeFlags, Target } from './target.ts';
import type { TemporaryFile } from './temporary.ts';
import { afterFailure } from './tolerate.ts';

/** linux/fs.h; the others belong to the content, or forbid that the file is replaced. */
const [compressed, synchronous, noDump, noAccessTime, notCompressed, noCopyOnWrite] = [
  0x4, 0x8, 0x40, 0x80, 0x400, 0x800000,
];
const kept = compressed | synchronous | noDump | noAccessTime | notCompressed | noCopyOnWrite;

/** Flags that statx(2) shows: STATX_ATTR_COMPRESSED and STATX_ATTR_NODUMP. */
const shown = 0x4 | 0x40;

/**
 * The flags of the old file that a new one would not get by itself. A file is opened for them only if its status or its
 * filesystem says that it may have some: programs that watch a file see that it is opened.
 */
export function* readFlags({ environment, settings }: Operation, target: Target): Steps<InodeFlags | undefined> {
  const { existing, directory } = target;
  const mayHave =
    directory.hasFlags === 'hidden' ||
    (directory.hasFlags === 'shown' &&
      (((existing?.attributes ?? 0) & shown) !== 0 || environment.hasProjects(directory.status.dev)));
  if (!mayHave || settings.preserve.flags === 'off') return undefined;
  const links: Link[] = [
    ['open', target.accessPath, O_RDONLY | O_NOFOLLOW, 0],
    ['getflags', opened],
    ['getproject', opened],
    ['close', opened],
  ];
  const { results } = yield* uninterrupted(chain(links));
  const [fd, flags, project] = results as [number?, number?, number?];
  if (fd !== undefined && results.length < links.length) yield* afterFailure(call.close(fd));
  if (flags === undefined) return undefined;
  const found = { flags: flags & kept, project: project ?? 0 };
  return found.flags === 0 && found.project === 0 ? undefined : found;
}

/** Sets the flags of the old file on the new one, which is empty. */
export function* keepFlags(operation: Operation, target: Target, temporary: TemporaryFile): Steps<void> {
  const { flags: old, notKept } = target;
  if (old === undefined) return;
  const keep: Keep = operation.settings.preserve.flags;
  yield* during(operation, 'set metadata', preserving(keep, setFlags(temporary.fd, old), 'flags', notKept));
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
