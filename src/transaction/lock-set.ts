/**
 * The locks of several files.
 *
 * Promise: they are taken in one order, by their directories' device and inode numbers and then their names, so that no
 * two transactions that take theirs at once wait for each other. (A transaction that takes some before its callback
 * runs, and others at its commit, may meet another that does the reverse: the wait ends at the deadline.) Each comes
 * with the file's turn in this process. Its note says where the journal is, for whoever takes it over.
 */
import type { GivenPath, Steps } from '../system/index.ts';
import { during, fileKey, inOrder, type OpenFolder, newLockedOperation, type Target } from '../files/index.ts';
import { assertHeld, releaseLock, takeLock, type Lock } from '../lock/index.ts';
import { encodePointer, siteFrom, resolveDead, Abandoned, giveUpLock } from '../journal/index.ts';
import { Turn } from '../order/index.ts';
import type { Draft } from './draft.ts';

interface Held {
  readonly lock: Lock | undefined;
  readonly turn: Turn;
  readonly place: Target;
}

export class LockSet {
  readonly #draft: Draft;
  readonly #held = new Map<string, Held>();
  /** The directory for the journal: that of the first file that is locked. */
  home: OpenFolder | undefined;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  /** Locks files that are not locked yet. After a failure, those that are locked stay locked. */
  *take(files: readonly (GivenPath & { readonly place: Target })[]): Steps<void> {
    for (const file of files.toSorted((one, other) => inOrder(one.place, other.place))) {
      if (!this.#held.has(fileKey(file.place)))
        yield* during(this.#draft.operation, 'lock', this.#takeOne(file, file.place));
    }
  }

  *#takeOne(path: GivenPath, target: Target): Steps<void> {
    const { id, operation: whole } = this.#draft;
    const { settings, environment, blocking } = whole;
    this.home ??= target;
    const operation = newLockedOperation(path, settings, environment, blocking);
    const turn = new Turn(operation);
    this.#held.set(fileKey(target), { turn, place: target, lock: undefined });
    this.#draft.isAbout(path);
    while (!(yield* turn.claim(target, () => undefined)));
    yield* turn.finishOther(target);
    const { directory, directoryPath } = this.home;
    const here = siteFrom(target.directoryPath, target.directoryPath, target.directory.status.ino);
    const note = encodePointer({
      id,
      ino: 0n,
      directory: here,
      home: siteFrom(target.directoryPath, directoryPath, directory.status.ino),
    });
    const lock = yield* takeLock(operation, target, {
      ...operation.locking,
      note,
      resolve: (dead) => resolveDead(operation, target, dead),
      own: this.#locks,
    });
    this.#held.set(fileKey(target), { turn, place: target, lock });
  }

  /** Each once: two names that differ only in case may share one. */
  get #locks(): readonly Lock[] {
    return [...new Set(this.#all.flatMap(({ lock }) => lock ?? []))];
  }

  get #all(): readonly Held[] {
    return [...this.#held.values()];
  }

  /** Their unique parts, for the journal. */
  get names(): string[] {
    return this.#locks.map(({ owner }) => owner.random);
  }

  /** Fails if one of them has been taken over. */
  *assertHeld(): Steps<void> {
    for (const lock of this.#locks) yield* assertHeld(lock);
  }

  /**
   * After this the end of the process does not free them: their transaction is committed, and whoever takes them over
   * completes it.
   */
  keep(): void {
    for (const { guards } of this.#locks) for (const guard of guards) guard.release();
  }

  /** The file's new content is committed. */
  placed(target: Target): void {
    this.#held.get(fileKey(target))?.turn.committed(target);
  }

  confirmed(durable: boolean | 'unsupported'): void {
    for (const { turn } of this.#all) turn.confirmed(this.#draft.operation.settings.durability, durable);
  }

  failed(error: unknown): void {
    for (const { turn } of this.#all) turn.failed(error);
  }

  /** Releases all of them. Tries all, and then fails with the first error, if there is one. */
  *releaseAll(): Steps<void> {
    const errors: unknown[] = [];
    for (const lock of this.#locks) {
      try {
        yield* releaseLock(this.#draft.operation, lock);
      } catch (error) {
        errors.push(error);
      }
    }
    for (const { turn } of this.#all) turn.leave();
    this.#held.clear();
    if (errors.length > 0) throw errors[0];
  }

  /** Leaves them to be taken over: their transaction is committed and could not be completed. */
  giveUp(): void {
    this.keep();
    const left = this.#locks.map((lock) => giveUpLock(this.#draft.operation, lock));
    for (const { turn } of this.#all) turn.leave();
    this.#held.clear();
    this.#draft.operation.environment.state.of(Abandoned).set(this.#draft.id, left);
  }
}
