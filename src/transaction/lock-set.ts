/**
 * The locks of several files.
 *
 * Promise: they are taken in one order, that of their directories' device and inode numbers and then their names, so
 * that of those who take theirs at once nobody waits for one who waits for them. (A transaction that has some before
 * its callback runs, and takes others at its commit, may meet another that does the reverse: that ends at the
 * deadline.) Each comes with the file's turn in this process. Its note says where the journal is, for whoever takes it
 * over.
 */
import type { GivenPath, Steps } from '../system/index.ts';
import { fileKey, inOrder, type OpenFolder, newLockedOperation, type Target } from '../files/index.ts';
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
  /** Where the journal is to be: the directory of the first file that is locked. */
  home: OpenFolder | undefined;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  /** Locks files that are not locked yet. If that fails those that are stay so. */
  *take(files: readonly (GivenPath & { readonly place: Target })[]): Steps<void> {
    for (const file of files.toSorted((one, other) => inOrder(one.place, other.place))) {
      if (!this.#held.has(fileKey(file.place))) yield* this.#takeOne(file, file.place);
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
    whole.step = 'lock';
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

  /** Each once: two names that differ in case only may share one. */
  get #locks(): readonly Lock[] {
    return [...new Set(this.#all.flatMap(({ lock }) => lock ?? []))];
  }

  get #all(): readonly Held[] {
    return [...this.#held.values()];
  }

  /** What tells them from all others, for the journal. */
  get names(): string[] {
    return this.#locks.map(({ owner }) => owner.random);
  }

  /** Fails if one of them has been taken over. */
  *assertHeld(): Steps<void> {
    for (const lock of this.#locks) yield* assertHeld(lock);
  }

  /**
   * From here on the end of the process does not free them: what they are for is committed, and whoever takes them over
   * completes it.
   */
  keep(): void {
    for (const { guards } of this.#locks) for (const guard of guards) guard.release();
  }

  /** The file's new content is in place. */
  placed(target: Target): void {
    this.#held.get(fileKey(target))?.turn.committed(target);
  }

  confirmed(durable: boolean | 'unsupported'): void {
    for (const { turn } of this.#all) turn.confirmed(this.#draft.operation.settings.durability, durable);
  }

  failed(error: unknown): void {
    for (const { turn } of this.#all) turn.failed(error);
  }

  /** Gives all of them back. Fails with the first error, if there are some, when all has been tried. */
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

  /** Leaves them to be taken over: what they are for is committed and could not be completed. */
  giveUp(): void {
    this.keep();
    const left = this.#locks.map((lock) => giveUpLock(this.#draft.operation, lock));
    for (const { turn } of this.#all) turn.leave();
    this.#held.clear();
    this.#draft.operation.environment.state.of(Abandoned).set(this.#draft.id, left);
  }
}
