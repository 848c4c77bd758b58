import { assertFunction, refusePromise } from '../contract/index.ts';
import { runAsync, type Steps, runSync } from '../system/index.ts';
import { settled, asWriteError, afterFailure } from '../files/index.ts';
import { commitDraft, type Committed } from './commit.ts';
import type { Draft } from './draft.ts';
import { LockSet } from './lock-set.ts';
import { Transaction, TransactionSync, type AnyTransaction } from './open-transaction.ts';
import {
  readTransactionOptions,
  type TransactionOptions,
  type TransactionResult,
  type TransactionSettings,
} from './options.ts';

/**
 * Changes several files, all or none: when `callback` returns, its changes are committed; when it throws, no file is
 * changed and the error is passed on.
 *
 * After a crash of the process, the system or the power {@link recover} completes a committed transaction and removes
 * the rest of another one; so does the next transaction in these directories. Readers between two of the renames, or
 * after a crash before the recovery, may see one file new and another one old; one file, or one directory ({@link
 * replaceDirectory}), is seen whole.
 *
 * Files are locked for the commit, against other transactions and updates. To read, change and write without losing
 * concurrent changes, name the files in `lock.files`: then they are locked before the callback runs.
 *
 * @see docs/functions.md#several-files
 * @throws {WriteError} by rejecting. `outcome` is `'old'` if nothing was changed. If the transaction is committed, but
 * not completed or not confirmed durable, it is `'new'` if all files have the new content by now, and otherwise
 * `'unknown'`; `files` tells what each of them holds, and {@link recover} completes it.
 * @throws what the callback throws.
 * @example End a session: two files, one commit
 * ```ts
 * await transaction(async (tx) => {
 *   await tx.writeFile('sessions.json', JSON.stringify([{ task: 'write', minutes: 25 }]));
 *   await tx.remove('active.json', { force: true });
 * });
 * ```
 */
export async function transaction(
  callback: (tx: Transaction) => unknown,
  options?: TransactionOptions,
): Promise<TransactionResult> {
  assertFunction(callback, 'callback');
  const read = readTransactionOptions(options);
  const tx = new Transaction(read.settings, false);
  const locks = await runAsync(takeLocks(tx, read));
  try {
    await runAsync(settled(tx.draft.operation, callback(tx)));
    await tx.settled();
  } catch (error) {
    tx.end();
    await tx.settled().catch(() => undefined);
    await runAsync(giveUp(tx.draft, locks));
    throw error;
  }
  return resultOf(await runAsync(commitDraft(tx.draft, locks)));
}

/**
 * Changes several files, all or none, and blocks until it is done; see {@link transaction}.
 *
 * @throws {WriteError} see {@link transaction}.
 * @throws what the callback throws.
 * @example Rename and write together
 * ```ts
 * transactionSync((tx) => {
 *   tx.writeFile('journal.log', '');
 *   tx.remove('journal.lock', { force: true });
 * });
 * ```
 */
export function transactionSync(
  callback: (tx: TransactionSync) => unknown,
  options?: TransactionOptions,
): TransactionResult {
  assertFunction(callback, 'callback');
  const read = readTransactionOptions(options);
  const tx = new TransactionSync(read.settings, true);
  const locks = runSync(takeLocks(tx, read));
  try {
    refusePromise(callback(tx), 'transaction');
    tx.settled();
  } catch (error) {
    tx.end();
    runSync(giveUp(tx.draft, locks));
    throw error;
  }
  tx.end();
  return resultOf(runSync(commitDraft(tx.draft, locks)));
}

/** The locks that are taken before the callback runs. */
function* takeLocks({ draft }: AnyTransaction, { files }: TransactionSettings): Steps<LockSet> {
  const locks = new LockSet(draft);
  try {
    yield* locks.take(yield* draft.places(files));
    return locks;
  } catch (error) {
    yield* giveUp(draft, locks);
    throw asWriteError(draft.operation, error);
  }
}

/** Cleans up after an error, which is the one to report. */
function* giveUp(draft: Draft, locks: LockSet): Steps<void> {
  yield* draft.discard();
  yield* afterFailure(locks.releaseAll());
}

function resultOf({ outcomes, durable }: Committed): TransactionResult {
  return {
    durable,
    files: outcomes.map(({ change, made, replaced, backupPath, notKept }) => {
      const common = { replaced, superseded: made === 'superseded', backupPath, notKept };
      switch (change.kind) {
        case 'put':
          return { operation: 'write', path: change.operation.path, bytes: change.bytes, ...common };
        case 'remove':
          return { operation: 'remove', path: change.operation.path, ...common };
        case 'rename':
          return { operation: 'rename', path: change.toWrite.path, from: change.operation.path, ...common };
      }
    }),
  };
}
