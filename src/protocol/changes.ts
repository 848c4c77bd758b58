/**
 * Making the changes of a transaction that is committed, or removing what one left that is not.
 *
 * Promise: each change can be made again and again, by its owner or after a crash, and is made once. A staged file keeps its
 * name until the target has been synced: what takes the target's place is a further link to it. (In a power cut a
 * filesystem without a journal of its own may lose both names of a file that is being renamed.) A staged file that is gone is
 * in place. What is replaced or removed is only what was there at the commit: a file that somebody put there since stays,
 * as if it had been written after the transaction.
 */
import { codeOf } from '../errors.ts';
import { asText, join, surround, type PathName } from '../path.ts';
import { call, type Steps } from '../system/calls.ts';
import { whileBusy } from './busy.ts';
import type { Directory } from './directory.ts';
import type { OpenFolder } from './files.ts';
import { isSameFile, stagedToken, type Change } from './journal.ts';
import { lookAt } from './place.ts';
import { unlinkIfThere } from './temporary.ts';
import type { Write } from './write.ts';

/** A directory of a transaction. */
export interface Part extends OpenFolder {
  /** Whether inode numbers in it can be compared with those recorded. */
  readonly numbered: boolean;
}

type Put = Extract<Change, { kind: 'put' }>;
type Removal = Extract<Change, { kind: 'remove' }>;

/** Whether a change is made, or newer content came first. */
export type Made = 'made' | 'superseded';

/** Makes one change, unless it is made already. */
export function* makeChange(write: Write, parts: readonly Part[], change: Change): Steps<Made> {
  const part = parts[change.directory] as Part;
  return change.kind === 'put' ? yield* put(write, part, change) : yield* remove(write, part, change);
}

function* remove(write: Write, { directory, numbered }: Part, { name, was }: Removal): Steps<Made> {
  const target = join(directory.reach, name);
  const now = yield* lookAt({ reach: target });
  if (now === undefined) return 'made';
  if (!isSameFile(now, was, numbered)) return 'superseded';
  yield* whileBusy(write, () => unlinkIfThere(target));
  return 'made';
}

/** How often somebody else may come between. */
const patience = 100;

function* put(write: Write, { directory, numbered }: Part, change: Put): Steps<Made> {
  const target = join(directory.reach, change.name);
  for (let tries = 1; ; tries++) {
    const staged = yield* lookAt({ reach: join(directory.reach, change.staged) });
    const now = yield* lookAt({ reach: target });
    if (staged === undefined || (now?.ino === staged.ino && now.dev === staged.dev)) return 'made';
    if (!isSameFile(now, change.over, numbered)) return 'superseded';
    try {
      yield* putIntoPlace(write, directory, change.staged, target);
      return 'made';
    } catch (error) {
      // Whoever makes the same change may have been faster with it, or only with this step; or an error was reported of what was done.
      if (!['ENOENT', 'EEXIST'].includes(codeOf(error) ?? '') || tries === patience) throw error;
    }
  }
}

function* putIntoPlace(write: Write, { reach }: Pick<Directory, 'reach'>, name: PathName, target: PathName): Steps<void> {
  const staged = join(reach, name);
  const further = join(reach, furtherName(name));
  yield* unlinkIfThere(further);
  const from = (yield* linked(staged, further)) ? further : staged;
  yield* whileBusy(write, () => call.rename(from, target));
}

/** Without hard links (FAT) the staged file itself is renamed. */
function* linked(from: PathName, to: PathName): Steps<boolean> {
  try {
    yield* call.link(from, to);
    return true;
  } catch (error) {
    if (['ENOENT', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
    return false;
  }
}

function furtherName(staged: PathName): PathName {
  return surround('', staged, '+');
}

/** When all changes are made and synced: removes what was staged, so that whoever is still at it can put nothing into place any more. */
export function* clearStaged(write: Write, parts: readonly OpenFolder[], changes: readonly Change[]): Steps<void> {
  for (const change of changes) {
    if (change.kind !== 'put') continue;
    const { reach } = (parts[change.directory] as OpenFolder).directory;
    yield* whileBusy(write, () => unlinkIfThere(join(reach, change.staged)));
    yield* whileBusy(write, () => unlinkIfThere(join(reach, furtherName(change.staged))));
  }
}

/** Removes what a transaction staged in a directory; returns the names. */
export function* removeStaged(write: Write, directory: Pick<Directory, 'reach'>, id: string): Steps<PathName[]> {
  const removed: PathName[] = [];
  for (const name of yield* call.readdir(directory.reach)) {
    if (!asText(name).includes(stagedToken(id))) continue;
    yield* whileBusy(write, () => unlinkIfThere(join(directory.reach, name)));
    removed.push(name);
  }
  return removed;
}
