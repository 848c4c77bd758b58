/**
 * Removing the locks that a `kill -9` or a power cut left, and what was prepared to take one.
 *
 * Promise: a lock of a dead owner goes as it would when somebody takes it over, its owner's temporary files before it;
 * one that somebody holds, waits for, or takes meanwhile, stays.
 */
import { asText, join, type PathName } from '../contract/index.ts';
import type { LockOwner, FileStatus, Steps } from '../system/index.ts';
import { type Folder, type Operation, inFound, lookIn, namesIn, rmdirIn, type FoundDirectory } from '../files/index.ts';
import { removeEntry } from './entry.ts';
import { lookAtHolder } from './holder.ts';
import { heldName, lockSuffix, parseTicket } from './name.ts';
import { takeOver, type LockAt, type Resolve } from './takeover.ts';

/** What became of something: it went, or why it stays; undefined if it is none of ours. */
export type Swept<Reason> = 'removed' | Reason | undefined;

export function isLockName(name: PathName): boolean {
  return asText(name).endsWith(lockSuffix);
}

interface Rules<Reason> {
  readonly operation: Operation;
  readonly dryRun: boolean;
  /** Puts right what a dead owner that left a note was at; where there is none, its lock stays. */
  readonly resolve?: Resolve;
  /** Why something of an owner stays; undefined if it may go. */
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

/** All that is in the directory of a lock: if one of it stays, that is why the lock stays. */
function* sweepAll<Reason>(rules: Rules<Reason>, at: LockAt, home: FoundDirectory): Steps<Swept<Reason | 'alive'>> {
  let kept: Swept<Reason | 'alive'> = 'removed';
  for (const name of yield* namesIn(rules.operation, home)) {
    const swept = asText(name) === heldName ? yield* sweepHeld(rules, at) : yield* sweepTicket(rules, home, name);
    if (swept !== 'removed') kept = swept;
  }
  return kept;
}

function* sweepHeld<Reason>(
  { operation, dryRun, resolve, keptBecause }: Rules<Reason>,
  at: LockAt,
): Steps<Swept<Reason>> {
  const holder = yield* lookAtHolder(operation, at.home);
  if (holder !== undefined) {
    if (holder.owner === undefined) return undefined;
    const reason = keptBecause(holder.status, holder.owner);
    if (reason !== undefined || dryRun) return reason ?? 'removed';
    const token = operation.environment.lockToken(holder.owner.lease);
    yield* takeOver(operation, at, holder, { token, ...(resolve !== undefined && { resolve }) });
  } else if (!dryRun) yield* rmdirIn(operation, at.home, heldName);
  return 'removed';
}

/** What another has prepared to take the lock. */
function* sweepTicket<Reason>(
  { operation, dryRun, keptBecause }: Rules<Reason>,
  home: FoundDirectory,
  name: PathName,
): Steps<Swept<Reason>> {
  const ticket = parseTicket(name);
  if (ticket === undefined) return undefined;
  const swept = yield* inFound(operation, home, name, function* (found): Steps<Swept<Reason>> {
    // The entry in it shows signs of life.
    const status = (yield* lookIn(found, ticket.token)) ?? found.status;
    const reason = keptBecause(status, ticket.owner);
    if (reason !== undefined || dryRun) return reason ?? 'removed';
    yield* removeEntry(operation, found, ticket.token);
    return 'removed';
  });
  // Gone meanwhile is no failure.
  if (swept === undefined && (yield* lookIn(home, name)) === undefined) return 'removed';
  if (swept === 'removed' && !dryRun) yield* rmdirIn(operation, home, name);
  return swept;
}
