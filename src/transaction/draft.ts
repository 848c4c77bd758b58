/**
 * A transaction before its commit: new contents are staged beside their targets, removals and renames are noted.
 *
 * Promise: until the commit no target is touched, and whatever ends the draft without one (an error, an exit, a crash)
 * leaves every file as it was. Its files are all different: a file that is renamed takes part in nothing else, so the
 * changes can be made in any order and again.
 */
import type { Content } from '../contract/data.ts';
import { misuse, refusal } from '../contract/errors.ts';
import { display, join } from '../contract/path-name.ts';
import type { Version } from '../contract/version.ts';
import type { GivenPath } from '../system/given-path.ts';
import { call, lastChange, type Steps, type Surroundings } from '../system/port.ts';
import { writeContent } from '../files/contents.ts';
import { whenDescriptorsAllow } from '../files/descriptors.ts';
import { closeDirectory } from '../files/directory.ts';
import { fileKey, inOrder, type OpenFolder } from '../files/file-order.ts';
import { asWriteError, newLook, newWrite, reporting, type Write } from '../files/operation.ts';
import type { Settings } from '../files/settings.ts';
import { assertUnchanged, readTarget, versionConflict, versionInPlace, type Seen } from '../files/snapshot.ts';
import { findPlace, letGo, lookAgain, type Place } from '../files/target.ts';
import { discardTemporary, examineTemporary, type TemporaryFile } from '../files/temporary.ts';
import { recoverOnce, type Recovery } from '../journal/recover-directory.ts';
import type { AtHand } from '../replace/deferred-content.ts';
import { finishTemporary, giveUp, stage, type Staged } from '../replace/stage.ts';
import {
  isUnchanged,
  missing,
  restage,
  type DraftChange,
  type Put,
  type Removal,
  type Renaming,
} from './draft-change.ts';
import { isOneFile } from './one-name.ts';

export class Draft {
  /** Who runs the transaction, and 100 random bits: what the names of all of its files have in common. */
  readonly id: string;
  /** The transaction as a whole: its settings, and for messages the path that it is about. */
  readonly write: Write;
  readonly folders: Map<string, OpenFolder> = new Map();
  readonly #changes = new Map<string, DraftChange>();
  /** For each file, the call that its change is of, or that left none. */
  readonly #numbers = new Map<string, number>();
  /** Files that were read. */
  readonly #seen = new Map<string, { readonly write: Write; readonly place: Place; readonly seen: Seen }>();
  readonly #surroundings: Surroundings;
  readonly #recovery: Recovery;
  #names = 0;
  #calls = 0;

  constructor(settings: Settings, surroundings: Surroundings, blocking: boolean, recovery: Recovery) {
    this.#recovery = recovery;
    const token = surroundings.token('staged');
    this.id = token.slice('untorn-x-'.length);
    this.#surroundings = Object.create(surroundings, {
      token: { value: () => `${token}-${++this.#names}` },
    }) as Surroundings;
    this.write = newWrite({ path: '', given: '' }, settings, this.#surroundings, blocking);
  }

  /** The changes, in the order in which all transactions take their files: by directory, then by name. */
  get changes(): DraftChange[] {
    return [...new Set(this.#changes.values())].toSorted((one, other) => inOrder(one.place, other.place));
  }

  /** A write of this transaction, with settings of its own. */
  newWrite(path: GivenPath, settings: Settings, operation?: Write['operation']): Write {
    return { ...newWrite(path, settings, this.#surroundings, this.write.blocking), operation };
  }

  /** What reads a file in this transaction. */
  newLook(path: GivenPath): Write {
    const { settings, blocking } = this.write;
    return newLook('read', path, settings, this.#surroundings, blocking);
  }

  /** The file that an error of the whole names. */
  isAbout({ path, given }: GivenPath): void {
    Object.assign(this.write, { path, given });
  }

  /** Stages new content, complete: written, with its metadata, synced and closed. */
  *put(path: GivenPath, settings: Settings, content: Content | AtHand): Steps<void> {
    const number = ++this.#calls;
    const write = this.newWrite(path, settings);
    try {
      yield* reporting(write, this.#stage(write, number, content));
    } finally {
      if (content.kind === 'source') content.source.close();
    }
  }

  *#stage(write: Write, number: number, content: Content | AtHand): Steps<void> {
    const staged = yield* stage(write);
    let change: Put;
    try {
      const known: Content =
        content.kind === 'later' ? { kind: 'bytes', bytes: yield* content.make(write, staged.place) } : content;
      const bytes = yield* writeContent(write, staged.temporary.fd, known);
      yield* examineTemporary(write, staged.place, staged.temporary);
      // By its inode it is known again at the commit.
      staged.temporary.status ??= yield* call.fstat(staged.temporary.fd);
      const notKept = yield* finishTemporary(write, staged.place, staged.temporary);
      change = { kind: 'put', write, ...this.#adopt(write, staged), bytes, notKept };
    } catch (error) {
      yield* giveUp(write, staged, true);
      throw error;
    }
    try {
      // Before the commit it is looked at again.
      yield* recoverOnce(write, change.place, this.#recovery);
      yield* this.#note(change.place, number, change);
    } catch (error) {
      yield* discardTemporary(change.temporary);
      throw error;
    }
  }

  /** Keeps each directory open once, however many files it has; and no old file. */
  #adopt(
    write: Write,
    { place, temporary }: Pick<Staged, 'place' | 'temporary'>,
  ): { place: Place; temporary: TemporaryFile } {
    const adopted = this.#share(write, place);
    return { place: adopted, temporary: { ...temporary, reach: join(adopted.directory.reach, temporary.name) } };
  }

  #share(write: Write, place: Place): Place {
    letGo(write, place);
    const { directory } = this.share(place);
    return directory === place.directory ? place : { ...place, directory, reach: join(directory.reach, place.name) };
  }

  /** The directory as it is held open already, or from now on. */
  share(folder: OpenFolder): OpenFolder {
    const known = this.folders.get(folder.directory.key);
    if (known === undefined) this.folders.set(folder.directory.key, folder);
    else closeDirectory(this.write, folder.directory);
    return known ?? folder;
  }

  /** Notes that a file is to be removed, if it is there. */
  *remove(path: GivenPath, settings: Settings, force: boolean): Steps<void> {
    const number = ++this.#calls;
    const write = this.newWrite(path, settings, 'remove');
    yield* reporting(write, this.#remove(write, number, force));
  }

  *#remove(write: Write, number: number, force: boolean): Steps<void> {
    const place = yield* this.#find(write);
    const before = this.#changes.get(fileKey(place));
    if (place.existing === undefined && before?.kind !== 'put' && !force) throw missing();
    // A file that the transaction itself would have made: then it does not make it.
    yield* this.#note(place, number, place.existing === undefined ? undefined : { kind: 'remove', write, place });
  }

  /** Notes that a file is to have another name. */
  *rename(from: GivenPath, to: GivenPath, settings: Settings): Steps<void> {
    const names = { given: from.given, dest: to.given };
    const write = { ...this.newWrite(from, { ...settings, overwrite: true }, 'rename'), ...names };
    const toWrite = { ...this.newWrite(to, settings, 'rename'), ...names };
    const place = yield* reporting(write, this.#find(write));
    if (place.existing === undefined) throw asWriteError(write, missing());
    yield* reporting(toWrite, this.#rename(write, place, toWrite));
  }

  *#rename(write: Write, place: Place, toWrite: Write): Steps<void> {
    const target = yield* this.#find(toWrite);
    if (fileKey(place) === fileKey(target) || (yield* isOneFile(place, target)))
      throw refusal('EINVAL', 'it would be renamed to itself');
    for (const one of [place, target]) {
      if (this.#changes.has(fileKey(one)))
        throw misuse(
          'ERR_INVALID_STATE',
          `"${display(join(one.directoryPath, one.name))}" is changed in this transaction already, so that it cannot be renamed or renamed over`,
        );
    }
    const change: Renaming = { kind: 'rename', write, place, to: target, toWrite };
    this.#changes.set(fileKey(place), change);
    this.#changes.set(fileKey(target), change);
  }

  *#find(write: Write): Steps<Place> {
    const place = this.#share(write, yield* whenDescriptorsAllow(write, () => findPlace(write)));
    if (yield* recoverOnce(write, place, this.#recovery)) yield* this.#lookAgain(write, place);
    return place;
  }

  /** Takes a change in, in the place of an earlier one of the same file. Of two calls at once the later counts. */
  *#note(place: Place, number: number, change: Put | Removal | undefined): Steps<void> {
    const name = fileKey(place);
    const before = this.#changes.get(name);
    if (before?.kind === 'rename')
      throw misuse(
        'ERR_INVALID_STATE',
        `"${display(join(place.directoryPath, place.name))}" is renamed in this transaction`,
      );
    if ((this.#numbers.get(name) ?? 0) > number) {
      if (change?.kind === 'put') yield* discardTemporary(change.temporary);
      return;
    }
    this.#numbers.set(name, number);
    if (change === undefined) this.#changes.delete(name);
    else this.#changes.set(name, change);
    if (before?.kind === 'put') yield* discardTemporary(before.temporary);
  }

  /** What the transaction would leave at a path; undefined where it would leave nothing. */
  *read(write: Write): Steps<Buffer | undefined> {
    return yield* reporting(write, this.#read(write));
  }

  *#read(write: Write): Steps<Buffer | undefined> {
    const place = yield* this.#find(write);
    const change = this.#changes.get(fileKey(place));
    if (change === undefined) return yield* this.#see(write, place);
    if (change.kind === 'put') return (yield* readTarget(write, { ...place, reach: change.temporary.reach })).content;
    return change.kind === 'rename' && fileKey(change.to) === fileKey(place)
      ? yield* this.#see(change.write, change.place)
      : undefined;
  }

  /** Reads a file that must then be the same at the commit. */
  *#see(write: Write, place: Place): Steps<Buffer | undefined> {
    const { content, version, status } = yield* readTarget(write, place);
    const before = this.#seen.get(fileKey(place));
    if (before !== undefined && before.seen.version !== version) throw versionConflict(version, before.seen.version);
    // At the commit more fails by it than to read.
    this.#seen.set(fileKey(place), { write: { ...write, operation: undefined }, place, seen: { version, status } });
    return content;
  }

  /** Fails if a file does not have a version; from now on it must. */
  *#expect(write: Write, place: Place, version: Version): Steps<void> {
    const seen = yield* versionInPlace(write, place);
    if (seen.version !== version) throw versionConflict(seen.version, version);
    this.#seen.set(fileKey(place), { write, place, seen });
  }

  /** Fails if a file is not what it was when the transaction read it. */
  *assertSeen(): Steps<void> {
    for (const { write, place, seen } of this.#seen.values())
      yield* reporting(write, assertUnchanged(write, place, seen, this.#timeOn(place)));
  }

  /** A time of the filesystem that a file is on, by what was staged there. */
  #timeOn({ directory }: Place): bigint | undefined {
    const staged = this.changes.find(
      (change) => change.kind === 'put' && change.temporary.status?.dev === directory.status.dev,
    );
    return staged?.kind === 'put' && staged.temporary.status !== undefined
      ? lastChange(staged.temporary.status)
      : undefined;
  }

  /** The files of some paths, to be locked. */
  *places(paths: readonly GivenPath[]): Steps<(GivenPath & { place: Place })[]> {
    const places = [];
    for (const path of paths) {
      const write = this.newWrite(path, this.write.settings);
      const place = yield* reporting(write, this.#find(write));
      places.push({ ...write, place });
    }
    return places;
  }

  /**
   * Looks again at a target under its lock; new content gets its metadata anew if the file that it replaces is another
   * one now.
   */
  *refresh(change: DraftChange): Steps<void> {
    const { write, place } = change;
    const before = place.existing;
    yield* this.#lookAgain(write, place);
    if (write.settings.ifMatch !== undefined) yield* this.#expect(write, place, write.settings.ifMatch);
    if (change.kind === 'put') {
      if (!isUnchanged(before, place.existing)) yield* restage(change);
    } else if (place.existing === undefined) {
      throw missing();
    }
    if (change.kind === 'rename') yield* this.#lookAgain(change.toWrite, change.to);
  }

  /** Its files may be many: none of them is held open. */
  *#lookAgain(write: Write, place: Place): Steps<void> {
    try {
      yield* lookAgain(write, place);
    } finally {
      letGo(write, place);
    }
  }

  /** Removes what is staged. */
  *discard(): Steps<void> {
    for (const change of this.changes) if (change.kind === 'put') yield* discardTemporary(change.temporary);
    this.leave();
  }

  /** Closes its directories. */
  leave(): void {
    for (const { directory } of this.folders.values()) closeDirectory(this.write, directory);
    this.folders.clear();
    this.#changes.clear();
  }
}
