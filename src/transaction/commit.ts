/**
 * Committing a transaction.
 *
 * Promise: all of its changes are made or none, whatever ends the process or the machine, once `recover` has run.
 * Readers meanwhile, and after a crash before `recover` has run, may see some files old and some new; each of them is
 * whole.
 *
 * The order of the steps makes it safe:
 *
 * 1. Every new content is staged beside its target, complete and synced (`draft.ts`).
 * 2. The files are locked and examined again, and the conditions checked.
 * 3. The journal and a `pending` token are written to a record in the home directory, then every other directory gets a
 *    pointer to it. All of them are synced.
 * 4. If the locks are still ours, the token is renamed to `committed`. This is the commit; the record is synced.
 * 5. The changes are made, and the directories synced.
 * 6. The token becomes `done` and the record is synced, so that nothing is done again after later writes. Then the
 *    staged files are removed, then the pointers, durably, then the journal, and the locks last.
 *
 * A crash before 4 leaves every target as it was, and `recover` removes the staged files. A crash after it leaves a
 * committed journal, and `recover` continues with 5, without repeating what is done already. An exit or a signal does
 * the same before it ends the process. With durability `'off'` nothing is synced: that protects against the end of a
 * process, not of the machine.
 */
import { refusal, type PathName, type NotKept } from '../contract/index.ts';
import { uninterrupted, type Steps } from '../system/index.ts';
import {
  during,
  lookAt,
  reporting,
  throwIfAborted,
  type Operation,
  type FoundDirectory,
  discardTemporary,
  statusOf,
  afterFailure,
} from '../files/index.ts';
import { assertMade, makeAll, pathOf, whatItHolds, type Made, type Part, record, Written } from '../journal/index.ts';
import { filesOf, type DraftChange } from './draft-change.ts';
import type { Draft } from './draft.ts';
import type { LockSet } from './lock-set.ts';
import { refuseOneName } from './one-name.ts';
import { Plan } from './plan.ts';

/** The result for one file. */
export interface Outcome {
  readonly change: DraftChange;
  readonly made: Made;
  readonly replaced: boolean;
  readonly backupPath: PathName | undefined;
  readonly notKept: readonly NotKept[];
}

export interface Committed {
  readonly outcomes: readonly Outcome[];
  readonly durable: boolean | 'unsupported';
}

/** Commits a draft under its locks. Afterwards nothing of it is open. */
export function* commitDraft(draft: Draft, locks: LockSet): Steps<Committed> {
  try {
    return yield* reporting(draft.operation, new Commit(draft, locks).run());
  } finally {
    draft.leave();
  }
}

/** The commit of one draft. */
class Commit {
  readonly #draft: Draft;
  readonly #operation: Operation;
  readonly #locks: LockSet;
  readonly #drafted: readonly DraftChange[];
  readonly #plan: Plan;
  readonly #written: Written;
  /** Whether all changes are made, and synced. */
  #isMade = false;
  #letEnd = (): void => undefined;

  constructor(draft: Draft, locks: LockSet) {
    this.#draft = draft;
    this.#operation = draft.operation;
    this.#locks = locks;
    this.#drafted = draft.changes;
    this.#plan = new Plan(draft, this.#drafted, locks);
    this.#written = new Written(draft.operation, draft.id, this.#plan.folders);
  }

  *run(): Steps<Committed> {
    const operation = this.#operation;
    const [first] = this.#drafted;
    try {
      if (first === undefined) return yield* this.#nothing();

      this.#draft.isAbout(first.operation);
      yield* refuseOneName(this.#drafted);
      yield* this.#locks.take(this.#drafted.flatMap(filesOf));
      yield* this.#draft.assertSeen();
      for (const change of this.#drafted) yield* reporting(change.operation, this.#plan.include(change));
      this.#draft.isAbout(first.operation);
      yield* during(operation, 'commit', this.#writeAndCommit());
    } catch (error) {
      if (operation.outcome === 'old') yield* this.#rollBack();
      else this.#abandon(error);
      yield* this.#written.close();
      throw error;
    }
    try {
      return yield* during(operation, 'complete', this.#complete());
    } catch (error) {
      this.#abandon(error);
      yield* this.#tellWhatFilesHold();
      throw error;
    } finally {
      yield* this.#written.close();
    }
  }

  *#writeAndCommit(): Steps<void> {
    yield* this.#written.write(this.#locks.names, this.#plan.changes);
    throwIfAborted(this.#operation);
    yield* uninterrupted(this.#commit());
  }

  *#nothing(): Steps<Committed> {
    yield* this.#draft.assertSeen();
    yield* this.#locks.releaseAll();
    return { outcomes: [], durable: this.#operation.settings.durability !== 'off' };
  }

  /** The commit itself, uninterrupted: nothing of this process comes between the last look and the rename. */
  *#commit(): Steps<void> {
    const { found } = this.#written;
    yield* this.#locks.assertHeld();
    yield* this.#draft.assertSeen();
    for (const change of this.#drafted)
      if (change.kind === 'put') yield* reporting(change.operation, refuseIfGone(change.temporary));
    this.#letStay();
    try {
      if (!(yield* record.commitToken(found)))
        throw refusal('ERR_LOCK_LOST', 'another process has taken over and rolled the transaction back');
    } catch (error) {
      if (!(yield* this.#happened(found))) throw error;
    }
    this.#isCommitted();
  }

  /** Whether a rename that reported a failure took place all the same. */
  *#happened(found: FoundDirectory): Steps<boolean> {
    try {
      return yield* record.isCommitted(found);
    } catch {
      this.#operation.outcome = 'unknown';
      return false;
    }
  }

  /** After this an exit must not remove what was staged, but complete what is committed. */
  #letStay(): void {
    for (const change of this.#drafted) if (change.kind === 'put') change.temporary.guard.release();
    for (const { staged } of this.#plan.linked) staged.letStay();
    this.#written.letStay();
    this.#letEnd = this.#operation.environment.atEnd(() => this.#completeInTheEnd());
  }

  #isCommitted(): void {
    this.#operation.outcome = 'new';
    for (const change of this.#drafted) {
      change.operation.outcome = 'new';
      if (change.kind === 'put') change.temporary.linked = false;
    }
  }

  /** After the commit: nothing is undone any more. */
  *#complete(): Steps<Committed> {
    const operation = this.#operation;
    yield* record.syncRecord(operation, this.#written.found);
    const made = yield* this.#makeChanges();
    const durable = yield* record.syncAll(operation, this.#plan.folders);
    this.#isMade = true;
    this.#locks.confirmed(durable);
    yield* this.#written.finish(operation, this.#plan.changes);
    yield* during(operation, 'unlock', this.#locks.releaseAll());
    this.#letEnd();
    return { durable, outcomes: this.#drafted.map((change) => this.#outcomeOf(change, made)) };
  }

  /**
   * When the process ends meanwhile. Another thread may still be performing one of these calls. Afterwards guards
   * release the locks, unless this fails.
   */
  *#completeInTheEnd(): Steps<void> {
    const operation: Operation = { ...this.#operation, blocking: true };
    const { found } = this.#written;
    try {
      if (!this.#isMade) {
        if (!(yield* record.isCommitted(found))) throw refusal('ERR_LOCK_LOST', 'it may or may not be committed');
        yield* record.syncRecord(operation, found);
        assertMade(yield* makeAll(operation, this.#draft.id, this.#parts, this.#plan.changes));
        yield* record.syncAll(operation, this.#plan.folders);
      }
      yield* this.#written.finish(operation, this.#plan.changes);
    } catch (error) {
      this.#locks.keep();
      throw error;
    }
  }

  get #parts(): Part[] {
    return this.#plan.folders.map((folder) => ({ ...folder, numbered: true }));
  }

  *#makeChanges(): Steps<Made[]> {
    const made = yield* makeAll(this.#operation, this.#draft.id, this.#parts, this.#plan.changes);
    for (const change of this.#drafted)
      if (made[this.#plan.indexOf(change)] === 'made')
        for (const { place: target } of filesOf(change)) this.#locks.placed(target);
    for (const { staged } of this.#plan.linked) staged.forget();
    assertMade(made);
    return made;
  }

  /** After an error: the first failure is the one to report, together with what each file holds by now. */
  *#tellWhatFilesHold(): Steps<void> {
    const parts = this.#parts;
    const files = [];
    for (const change of this.#plan.changes) {
      const path = pathOf(parts, change);
      files.push({ path, holds: yield* whatItHolds(parts[change.directory] as Part, change) });
    }
    this.#operation.files = files;
    if (files.some(({ holds }) => holds !== 'new')) this.#operation.outcome = 'unknown';
  }

  #outcomeOf(change: DraftChange, made: readonly Made[]): Outcome {
    return {
      change,
      made: made[this.#plan.indexOf(change)] as Made,
      replaced: (change.kind === 'rename' ? change.to : change.place).existing !== undefined,
      backupPath: this.#plan.linked.find(({ of, backupPath }) => of === change && backupPath !== undefined)?.backupPath,
      notKept: change.kind === 'put' ? change.notKept : [],
    };
  }

  /** Before the commit: everything that was added is removed. */
  *#rollBack(): Steps<void> {
    this.#letEnd();
    for (const { staged } of this.#plan.linked) yield* staged.discard();
    for (const change of this.#drafted) if (change.kind === 'put') yield* discardTemporary(change.temporary);
    yield* this.#written.withdraw();
    yield* afterFailure(this.#locks.releaseAll());
  }

  /**
   * It is committed, or may be, and cannot be completed here: `recover` completes it, or whoever takes over its locks.
   */
  #abandon(error: unknown): void {
    this.#letEnd();
    this.#locks.failed(error);
    this.#locks.giveUp();
  }
}

function* refuseIfGone(temporary: { readonly accessPath: PathName } & Parameters<typeof statusOf>[0]): Steps<void> {
  const found = yield* lookAt(temporary);
  if (found?.ino !== statusOf(temporary).ino) throw refusal('EAGAIN', 'a staged file is gone');
}
