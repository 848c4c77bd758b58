/**
 * Two names in one directory that its filesystem takes for one: a transaction can change them only once.
 *
 * Inode numbers alone do not decide, since filesystems that are programs may give one file another number for each
 * spelling.
 */
import { refusal, asText, display, fromBytes, join, key, type PathName } from '../contract/index.ts';
import { call, type Steps } from '../system/index.ts';
import { lookAt, isSameInode, type Target } from '../files/index.ts';
import { folded } from '../lock/index.ts';
import { filesOf, type DraftChange } from './draft-change.ts';

/** Fails if two of the files of a transaction are one: then it would wait for its own lock. */
export function* refuseOneName(changes: readonly DraftChange[]): Steps<void> {
  const places = new Map<string, Target[]>();
  for (const { place: target } of changes.flatMap(filesOf)) {
    for (const common of keysOf(target)) {
      const others = places.get(common) ?? [];
      for (const other of others)
        if (yield* isOneFile(target, other, stagedFor(target, changes))) throw oneName(target, other);
      places.set(common, [...others, target]);
    }
  }
}

/** Keys that two names of one file share: its inode, if it has no other name, or the spelling. */
function keysOf({ directory, name, existing }: Target): string[] {
  const spelt = `${directory.key} ${folded(name)}`;
  return existing === undefined || existing.nlink > 1 ? [spelt] : [spelt, `${existing.dev} ${existing.ino}`];
}

function stagedFor(target: Target, changes: readonly DraftChange[]): PathName | undefined {
  const change = changes.find((one) => one.kind === 'put' && one.place === target);
  return change?.kind === 'put' ? change.temporary.name : undefined;
}

/**
 * Whether a filesystem takes two different names for one, as names that differ in case. Removing one would remove the
 * other.
 */
export function* isOneFile(one: Target, other: Target, staged?: PathName): Steps<boolean> {
  const [first, second] = [one.existing, other.existing];
  if (one.directory.key !== other.directory.key || key(one.name) === key(other.name)) return false;
  if (first?.nlink === 1 && isSameInode(first, second)) return true;
  if (folded(one.name) !== folded(other.name) || (first === undefined) !== (second === undefined)) return false;
  // If neither name exists yet, an existing file is looked up by a name that contains both.
  if (first === undefined && staged !== undefined) return yield* isThere(one, respelt(staged, one.name, other.name));
  const listed = new Set((yield* call.readdir(one.directory.accessPath)).map(key));
  if (first !== undefined) return !(listed.has(key(one.name)) && listed.has(key(other.name)));
  return yield* findsOtherCase(one, listed);
}

function* isThere({ directory }: Target, name: PathName): Steps<boolean> {
  return (yield* lookAt({ accessPath: join(directory.accessPath, name) })) !== undefined;
}

/** A name that contains another one, spelt as a third; if it is cut off, in the other case. */
function respelt(name: PathName, one: PathName, other: PathName): PathName {
  const [text, from, to] = [asText(name), asText(one), asText(other)];
  const changed = text.includes(from) ? text.replace(from, () => to) : text.toUpperCase();
  return typeof name === 'string' && typeof other === 'string' ? changed : fromBytes(Buffer.from(changed, 'latin1'));
}

/** Whether a name of the directory is found in the other case. */
function* findsOtherCase(target: Target, listed: ReadonlySet<string>): Steps<boolean> {
  for (const one of listed) {
    const name = one.slice(1);
    const changed = name === name.toLowerCase() ? name.toUpperCase() : name.toLowerCase();
    if (one.startsWith('u') && changed !== name && !listed.has(key(changed))) return yield* isThere(target, changed);
  }
  return false;
}

function oneName({ directoryPath, name }: Target, other: Target): Error {
  const paths = [join(directoryPath, name), join(other.directoryPath, other.name)].map((path) => `"${display(path)}"`);
  return refusal('EINVAL', `its filesystem takes ${paths.join(' and ')} for one file`);
}
