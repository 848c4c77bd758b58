/**
 * Removing the locks that a `kill -9` or a power cut left, and what was prepared to take one.
 *
 * Promise: a lock of a dead owner goes as it would when somebody takes it over, its owner's temporary files before it; one
 * that somebody holds, or takes meanwhile, stays.
 */
import { codeOf } from '../errors.ts';
import { asText, join, type PathName } from '../path.ts';
import { call, type FileStatus, type Steps } from '../system/calls.ts';
import { fileType } from '../system/flags.ts';
import { parseLockToken, type LockOwner } from '../system/lock-owner.ts';
import { lockSuffix } from './lock-name.ts';
import { lookAtHolder } from './lock.ts';
import { takeOver, type Settle } from './takeover.ts';
import { afterFailure, unlinkIfThere, type Folder } from './temporary.ts';
import type { Write } from './write.ts';

/** What became of something: it went, or why it stays; undefined if it is none of ours. */
export type Swept<Reason> = 'removed' | Reason | undefined;

export function isLockName(name: PathName): boolean {
  return asText(name).endsWith(lockSuffix) || parseLockToken(asText(name)) !== undefined;
}

interface Rules<Reason> {
  readonly write: Write;
  readonly dryRun: boolean;
  /** Puts right what a dead owner that left a note was at; where there is none, its lock stays. */
  readonly settle?: Settle;
  /** Why something of an owner stays; undefined if it may go. */
  keptBecause(status: FileStatus, owner: LockOwner): Reason | undefined;
}

export function* sweepLock<Reason>(rules: Rules<Reason>, folder: Folder, name: PathName): Steps<Swept<Reason | 'alive'>> {
  const path = join(folder.directory.reach, name);
  const status = yield* call.lstat(path);
  if (fileType(status.mode) !== 'directory') return undefined;
  const prepared = parseLockToken(asText(name));
  if (prepared !== undefined) return rules.keptBecause(status, prepared) ?? (yield* removePrepared(rules, path));
  const { write, dryRun, settle } = rules;
  const holder = yield* lookAtHolder(write, path);
  if (holder !== undefined) {
    if (holder.owner === undefined) return undefined;
    const reason = rules.keptBecause(holder.status, holder.owner);
    if (reason !== undefined) return reason;
    if (!dryRun) yield* takeOver(write, folder, path, holder, { token: write.surroundings.lockToken(holder.owner.lease), ...(settle !== undefined && { settle }) });
  }
  return dryRun || (yield* afterFailure(call.rmdir(path))) ? 'removed' : 'alive';
}

function* removePrepared<Reason>({ dryRun }: Rules<Reason>, path: PathName): Steps<'removed'> {
  if (dryRun) return 'removed';
  for (const name of yield* call.readdir(path)) yield* unlinkIfThere(join(path, name));
  try {
    yield* call.rmdir(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  return 'removed';
}
