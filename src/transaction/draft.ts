/**
 * A transaction before its commit: new contents are staged beside their targets, removals and renames are noted.
 *
 * Promise: until the commit no target is touched. If the draft ends without one (by an error, an exit, a crash), every
 * file stays as it was. Its files are all different: a file that is renamed takes part in nothing else, so the changes
 * can be made in any order and again.
 */
import { type Content, misuse, refusal, display, join, type Version } from '../contract/index.ts';
import { type GivenPath, call, lastChange, type Steps, type Environment } from '../system/index.ts';
import {
  writeContent,
  closeDirectory,
  fileKey,
  inOrder,
  type OpenFolder,
  asWriteError,
  during,
  newLook,
  newOperation,
  reporting,
  type Operation,
  type Settings,
  assertUnchanged,
  readTarget,
  versionConflict,
  versionInPlace,
  type Snapshot,
  openTarget,
  refuseUnsafe,
  releaseOld,
  lookAgain,
  type Target,
  discardTemporary,
  examineTemporary,
  type TemporaryFile,
} from '../files/index.ts';
import { recoverOnce, type Recovery } from '../journal/index.ts';
import { type AtHand, createStaged, finishTemporary, giveUp, stage, type Staged } from '../replace/index.ts';
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
  /** The owner of the transaction, and 100 random bits: the common part of the names of all of its files. */
  readonly id: string;
  /** The transaction as a whole: its settings, and the path that its messages name. */
  readonly operation: Operation;
  readonly folders: Map<string, OpenFolder> = new Map();
  readonly #changes = new Map<string, DraftChange>();
  /** For each file, the number of the call that made its change, or that left none. */
  readonly #numbers = new Map<string, number>();
  /** Files that were read. */
  readonly #seen = new Map<string, { readonly write: Operation; readonly place: Target; readonly seen: Snapshot }>();
  readonly #environment: Environment;
  readonly #recovery: Recovery;
  #names = 0;
  #calls = 0;

  constructor(settings: Settings, environment: Environment, blocking: boolean, recovery: Recovery) {
    this.#recovery = recovery;
    const token = environment.token('staged');
    this.id = token.slice('untorn-x-'.length);
    this.#environment = Object.create(environment, {
      token: { value: () => `${token}-${++this.#names}` },
    }) as Environment;
    this.operation = newOperation({ path: '', given: '' }, settings, this.#environment, blocking);
  }

  /** The changes, in the order in which all transactions take their files: by directory, then by name. */
  get changes(): DraftChange[] {
    return [...new Set(this.#changes.values())].toSorted((one, other) => inOrder(one.place, other.place));
  }

  /** A write of this transaction, with settings of its own. */
  newOperation(path: GivenPath, settings: Settings, operation?: Operation['operation']): Operation {
    return { ...newOperation(path, settings, this.#environment, this.operation.blocking), operation };
  }

  /** An operation that reads a file in this transaction. */
  newLook(path: GivenPath): Operation {
    const { settings, blocking } = this.operation;
    return newLook('read', path, settings, this.#environment, blocking);
  }

  /** Sets the file that an error of the whole transaction names. */
  isAbout({ path, given }: GivenPath): void {
    Object.assign(this.operation, { path, given });
  }

  /** Stages new content, complete: written, with its metadata, synced and closed. */
  *put(path: GivenPath, settings: Settings, content: Content | AtHand): Steps<void> {
    const number = ++this.#calls;
    const operation = this.newOperation(path, settings);
    try {
      yield* reporting(operation, this.#stage(operation, number, content));
    } finally {
      if (content.kind === 'source') content.source.close();
    }
  }

  *#stage(operation: Operation, number: number, content: Content | AtHand): Steps<void> {
    // It closes the file before the next one is staged.
    const staged = yield* stage(operation, function* (_, target) {
      refuseUnsafe(operation, target.directory);
      return yield* createStaged(operation, target);
    });
    let change: Put;
    try {
      const known: Content =
        content.kind === 'later' ? { kind: 'bytes', bytes: yield* content.make(operation, staged.target) } : content;
      const bytes = yield* writeContent(operation, staged.temporary.fd, known);
      yield* examineTemporary(operation, staged.target, staged.temporary);
      // The commit recognizes it by its inode.
      staged.temporary.status ??= yield* call.fstat(staged.temporary.fd);
      const notKept = yield* finishTemporary(operation, staged.target, staged.temporary);
      change = { kind: 'put', operation, ...this.#adopt(operation, staged), bytes, notKept };
    } catch (error) {
      yield* giveUp(operation, staged, true);
      throw error;
    }
    try {
      // It is examined again before the commit.
      yield* recoverOnce(operation, change.place, this.#recovery);
      yield* this.#note(change.place, number, change);
    } catch (error) {
      yield* discardTemporary(change.temporary);
      throw error;
    }
  }

  /** Keeps each directory open once, however many files it has, and no old file. */
  #adopt(
    operation: Operation,
    { target, temporary }: Pick<Staged, 'target' | 'temporary'>,
  ): { place: Target; temporary: TemporaryFile } {
    const adopted = this.#share(operation, target);
    return {
      place: adopted,
      temporary: { ...temporary, accessPath: join(adopted.directory.accessPath, temporary.name) },
    };
  }

  #share(operation: Operation, target: Target): Target {
    releaseOld(operation, target);
    const { directory } = this.share(target);
    return directory === target.directory
      ? target
      : { ...target, directory, accessPath: join(directory.accessPath, target.name) };
  }

  /** The directory as it is already open, or from now on. */
  share(folder: OpenFolder): OpenFolder {
    const known = this.folders.get(folder.directory.key);
    if (known === undefined) this.folders.set(folder.directory.key, folder);
    else closeDirectory(this.operation, folder.directory);
    return known ?? folder;
  }

  /** Notes that a file is to be removed, if it exists. */
  *remove(path: GivenPath, settings: Settings, force: boolean): Steps<void> {
    const number = ++this.#calls;
    const operation = this.newOperation(path, settings, 'remove');
    yield* reporting(operation, this.#remove(operation, number, force));
  }

  *#remove(operation: Operation, number: number, force: boolean): Steps<void> {
    const target = yield* this.#find(operation);
    const before = this.#changes.get(fileKey(target));
    if (target.existing === undefined && before?.kind !== 'put' && !force) throw missing();
    // The transaction itself would have made the file: then it does not make it.
    yield* this.#note(
      target,
      number,
      target.existing === undefined ? undefined : { kind: 'remove', operation, place: target },
    );
  }

  /** Notes that a file is to be renamed. */
  *rename(from: GivenPath, to: GivenPath, settings: Settings): Steps<void> {
    const names = { given: from.given, dest: to.given };
    const write = { ...this.newOperation(from, { ...settings, overwrite: true }, 'rename'), ...names };
    const toWrite = { ...this.newOperation(to, settings, 'rename'), ...names };
    const target = yield* reporting(write, this.#find(write));
    if (target.existing === undefined) throw asWriteError(write, missing());
    yield* reporting(toWrite, this.#rename(write, target, toWrite));
  }

  *#rename(operation: Operation, place: Target, toWrite: Operation): Steps<void> {
    const target = yield* this.#find(toWrite);
    if (fileKey(place) === fileKey(target) || (yield* isOneFile(place, target)))
      throw refusal('EINVAL', 'it would be renamed to itself');
    for (const one of [place, target]) {
      if (this.#changes.has(fileKey(one)))
        throw misuse(
          'ERR_INVALID_STATE',
          `"${display(join(one.directoryPath, one.name))}" is already changed in this transaction, and cannot be renamed or renamed over`,
        );
    }
    const change: Renaming = { kind: 'rename', operation, place, to: target, toWrite };
    this.#changes.set(fileKey(place), change);
    this.#changes.set(fileKey(target), change);
  }

  *#find(operation: Operation): Steps<Target> {
    const target = this.#share(operation, yield* during(operation, 'resolve', openTarget(operation)));
    refuseUnsafe(operation, target.directory);
    if (yield* recoverOnce(operation, target, this.#recovery)) yield* this.#lookAgain(operation, target);
    return target;
  }

  /** Records a change, in the place of an earlier one of the same file. Of two calls at once the later counts. */
  *#note(target: Target, number: number, change: Put | Removal | undefined): Steps<void> {
    const name = fileKey(target);
    const before = this.#changes.get(name);
    if (before?.kind === 'rename')
      throw misuse(
        'ERR_INVALID_STATE',
        `"${display(join(target.directoryPath, target.name))}" is renamed in this transaction`,
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

  /** The content that the transaction would leave at a path; undefined if it would leave no file. */
  *read(operation: Operation): Steps<Buffer | undefined> {
    return yield* reporting(operation, this.#read(operation));
  }

  *#read(operation: Operation): Steps<Buffer | undefined> {
    const target = yield* this.#find(operation);
    const change = this.#changes.get(fileKey(target));
    if (change === undefined) return yield* this.#see(operation, target);
    if (change.kind === 'put')
      return (yield* readTarget(operation, { ...target, accessPath: change.temporary.accessPath })).content;
    return change.kind === 'rename' && fileKey(change.to) === fileKey(target)
      ? yield* this.#see(change.operation, change.place)
      : undefined;
  }

  /** Reads a file that must then be the same at the commit. */
  *#see(operation: Operation, target: Target): Steps<Buffer | undefined> {
    const { content, version, status } = yield* readTarget(operation, target);
    const before = this.#seen.get(fileKey(target));
    if (before !== undefined && before.seen.version !== version) throw versionConflict(version, before.seen.version);
    // More operations fail by it at the commit than the reading.
    this.#seen.set(fileKey(target), {
      write: { ...operation, operation: undefined },
      place: target,
      seen: { version, status },
    });
    return content;
  }

  /** Fails if a file does not have a version; from now on it must. */
  *#expect(operation: Operation, target: Target, version: Version): Steps<void> {
    const seen = yield* versionInPlace(operation, target);
    if (seen.version !== version) throw versionConflict(seen.version, version);
    this.#seen.set(fileKey(target), { write: operation, place: target, seen });
  }

  /** Fails if a file is not as it was when the transaction read it. */
  *assertSeen(): Steps<void> {
    for (const { write: operation, place: target, seen } of this.#seen.values())
      yield* reporting(operation, assertUnchanged(operation, target, seen, this.#timeOn(target)));
  }

  /** A time of a file's filesystem, from the files that were staged there. */
  #timeOn({ directory }: Target): bigint | undefined {
    const staged = this.changes.find(
      (change) => change.kind === 'put' && change.temporary.status?.dev === directory.status.dev,
    );
    return staged?.kind === 'put' && staged.temporary.status !== undefined
      ? lastChange(staged.temporary.status)
      : undefined;
  }

  /** The files of some paths, to be locked. */
  *places(paths: readonly GivenPath[]): Steps<(GivenPath & { place: Target })[]> {
    const places = [];
    for (const path of paths) {
      const operation = this.newOperation(path, this.operation.settings);
      const target = yield* reporting(operation, this.#find(operation));
      places.push({ ...operation, place: target });
    }
    return places;
  }

  /**
   * Examines a target again under its lock; new content gets its metadata anew if the file that it replaces is another
   * one now.
   */
  *refresh(change: DraftChange): Steps<void> {
    const { operation, place: target } = change;
    const before = target.existing;
    yield* this.#lookAgain(operation, target);
    if (operation.settings.ifMatch !== undefined) yield* this.#expect(operation, target, operation.settings.ifMatch);
    if (change.kind === 'put') {
      if (!isUnchanged(before, target.existing)) yield* restage(change);
    } else if (target.existing === undefined) {
      throw missing();
    }
    if (change.kind === 'rename') yield* this.#lookAgain(change.toWrite, change.to);
  }

  /** There may be many files: none of them is held open. */
  *#lookAgain(operation: Operation, target: Target): Steps<void> {
    try {
      yield* lookAgain(operation, target);
    } finally {
      releaseOld(operation, target);
    }
  }

  /** Removes what is staged. */
  *discard(): Steps<void> {
    for (const change of this.changes) if (change.kind === 'put') yield* discardTemporary(change.temporary);
    this.leave();
  }

  /** Closes its directories. */
  leave(): void {
    for (const { directory } of this.folders.values()) closeDirectory(this.operation, directory);
    this.folders.clear();
    this.#changes.clear();
  }
}
