/** Two names of one directory that its filesystem takes for one: a transaction can change them only once. */
import { refusal } from '../errors.ts';
import { asText, display, fromBytes, join, type PathName } from '../path.ts';
import type { Steps } from '../system/calls.ts';
import { filesOf, isOneName, type DraftChange } from './draft-change.ts';
import { folded } from './lock-name.ts';
import { isSameInode } from './owned.ts';
import { lookAt, type Place } from './place.ts';

/** Fails if two of the files of a transaction are one: then it would wait for its own lock. */
export function* refuseOneName(changes: readonly DraftChange[]): Steps<void> {
  const places = new Map<string, Place[]>();
  for (const { place } of changes.flatMap(filesOf)) {
    for (const key of keysOf(place)) {
      const others = places.get(key) ?? [];
      for (const other of others) if (yield* isOne(place, other, changes)) throw oneName(place, other);
      places.set(key, [...others, place]);
    }
  }
}

/** What two names of one file have in common: its inode, if it has no other name, or how they are spelt. */
function keysOf({ directory, name, existing }: Place): string[] {
  const spelt = `${directory.key} ${folded(name)}`;
  return existing === undefined || existing.nlink > 1 ? [spelt] : [spelt, `${existing.dev} ${existing.ino}`];
}

function* isOne(one: Place, other: Place, changes: readonly DraftChange[]): Steps<boolean> {
  if (asText(one.name) === asText(other.name) && one.directory.key === other.directory.key) return false;
  if (one.existing !== undefined || other.existing !== undefined) return isOneName(one, other);
  return yield* takesForOne(one, other, changes);
}

/** Of names that are not there yet the filesystem is asked by one that is: what was staged for one of them. */
function* takesForOne(one: Place, { name }: Place, changes: readonly DraftChange[]): Steps<boolean> {
  const staged = changes.find((change) => change.kind === 'put' && change.place === one);
  if (staged?.kind !== 'put') return false;
  const { reach, name: own } = staged.temporary;
  const otherwise = swapped(own, one.name, name);
  return isSameInode(yield* lookAt({ reach }), yield* lookAt({ reach: join(one.directory.reach, otherwise) }));
}

/** A name that has another one in it, spelt otherwise: as the second is, or where that is cut off in the other case. */
function swapped(name: PathName, one: PathName, other: PathName): PathName {
  const [text, from, to] = [asText(name), asText(one), asText(other)];
  const respelt = text.includes(from) ? text.replace(from, () => to) : text.toUpperCase();
  return typeof name === 'string' && typeof other === 'string' ? respelt : fromBytes(Buffer.from(respelt, 'latin1'));
}

function oneName({ directoryPath, name }: Place, other: Place): Error {
  const paths = [join(directoryPath, name), join(other.directoryPath, other.name)].map((path) => `"${display(path)}"`);
  return refusal('EINVAL', `its filesystem takes ${paths.join(' and ')} for one file`);
}
