/**
 * Removing the locks that a `kill -9` or a power cut left, and the tickets for them.
 *
 * Promise: the lock of a dead owner is removed as by a takeover, its owner's temporary files first. A lock that
 * somebody holds, waits for, or takes meanwhile, stays.
 */
import { asText, join, type PathName } from '../contract/index.ts';
import type { LockOwner, FileStatus, Steps } from '../system/index.ts';
import { type Folder, type Operation, inFound, lookIn, namesIn, rmdirIn, type FoundDirectory } from '../files/index.ts';
import { removeEntry } from './entry.ts';
import { lookAtHolder } from './holder.ts';
import { heldName, lockSuffix, parseTicket } from './name.ts';
import { takeOver, type LockAt, type Resolve } from './takeover.ts';

/** The result for one thing: it was removed, or why it stays; undefined if it is not ours. */
export type Swept<Reason> = 'removed' | Reason | undefined;

export function isLockName(name: PathName): boolean {
  return asText(name).endsWith(lockSuffix);
}

interface Rules<Reason> {
  readonly operation: Operation;
  readonly dryRun: boolean;
  /** Resolves the transaction of a dead owner that left a note; without this function such a lock stays. */
  readonly resolve?: Resolve;
  /** Why an owner's things stay; undefined if they may be removed. */
  keptBecause(status: FileStatus, owner: LockOwner): Reason | undefined;
}

export function* sweepLock<Reason>(
  rules: Rules<Reason>,
  folder: Folder,
  name: PathName,
): Steps<Swept<Reason | 'alive'>> {
  const { operation, dryRun } = rules;
  const lock = join(folder.directory.accessPath, name);
  const swept = yield* inFound(operation, folder, name, (home) => sweepAll(rules, { folder, home, lock }, home));
  if (swept !== 'removed' || dryRun) return swept;
  return (yield* rmdirIn(operation, folder, name)) ? 'removed' : 'alive';
}

/** Sweeps everything in the directory of a lock. If one thing stays, the lock stays for the same reason. */
function* sweepAll<Reason>(rules: Rules<Reason>, at: LockAt, home: FoundDirectory): Steps<Swept<Reason | 'alive'>> {
  let kept: Swept<Reason | 'alive'> = 'removed';
  for (const name of yield* namesIn(home)) {
    const swept = asText(name) === heldName ? yield* sweepHeld(rules, at) : yield* sweepTicket(rules, home, name);
    if (swept !== 'removed') kept = swept;
  }
  return kept;
}

function* sweepHeld<Reason>(
  { operation, dryRun, resolve, keptBecause }: Rules<Reason>,
  at: LockAt,
): Steps<Swept<Reason>> {
  const holder = yield* lookAtHolder(at.home);
  if (holder !== undefined) {
    if (holder.owner === undefined) return undefined;
    const reason = keptBecause(holder.status, holder.owner);
    if (reason !== undefined || dryRun) return reason ?? 'removed';
    const token = operation.environment.lockToken(holder.owner.lease);
    yield* takeOver(operation, at, holder, { token, ...(resolve !== undefined && { resolve }) });
  } else if (!dryRun) yield* rmdirIn(operation, at.home, heldName);
  return 'removed';
}

/** Sweeps a ticket. */
function* sweepTicket<Reason>(
  { operation, dryRun, keptBecause }: Rules<Reason>,
  home: FoundDirectory,
  name: PathName,
): Steps<Swept<Reason>> {
  const ticket = parseTicket(name);
  if (ticket === undefined) return undefined;
  const swept = yield* inFound(operation, home, name, function* (found): Steps<Swept<Reason>> {
    // The entry in the ticket shows signs of life.
    const status = (yield* lookIn(found, ticket.token)) ?? found.status;
    const reason = keptBecause(status, ticket.owner);
    if (reason !== undefined || dryRun) return reason ?? 'removed';
    yield* removeEntry(operation, found, ticket.token);
    return 'removed';
  });
  // A ticket that is gone meanwhile is not a failure.
  if (swept === undefined && (yield* lookIn(home, name)) === undefined) return 'removed';
  if (swept === 'removed' && !dryRun) yield* rmdirIn(operation, home, name);
  return swept;
}
