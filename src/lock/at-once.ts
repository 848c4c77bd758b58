/** Taking and releasing a lock that nobody else wants, each by one chain of calls. */
import { codeOf, join } from '../contract/index.ts';
import { chain, type Steps } from '../system/index.ts';
import type { Operation } from '../files/index.ts';
import { leaveHome, type FileIn, type LockHome } from './home.ts';
import { heldName, lockNameOf, ticketBehind } from './name.ts';
import { isExposed, modeOf } from './rights.ts';
import { dismantle, guardsOf, type Ticket } from './ticket.ts';

/** A lock's directory, and the ticket in it that was renamed to the one that is held. */
export interface Taken {
  readonly home: LockHome;
  readonly ticket: Ticket;
}

/**
 * Makes the directory of a lock and a ticket in it, and renames the ticket. Undefined if the lock has to be taken step
 * by step: its directory exists, or something failed. Then nothing is left, and the steps report what is wrong.
 */
export function* takeAtOnce(operation: Operation, target: FileIn, token: string): Steps<Taken | undefined> {
  const { directory, directoryPath } = target;
  const parent = directory.status;
  // Elsewhere a call may have succeeded though it failed, and what was made is looked at.
  if (!directory.local || isExposed(operation, parent)) return undefined;
  const name = lockNameOf(target.name);
  const way = join(directory.accessPath, name);
  const path = join(directoryPath, name);
  const named = ticketBehind([], token);
  const place = { directory: { accessPath: way }, directoryPath: path, fd: undefined };
  const guard = operation.environment.guard('lock', way, path);
  const guards = guardsOf(operation, place, named);
  const home = { ...place, target, name, parent, way, guard, isNew: true, exclusive: true };
  const waiting = join(way, named.name);
  const entry = { directory: { accessPath: join(waiting, token) }, directoryPath: join(join(path, named.name), token) };
  const ticket = { ...named, entry: { ...entry, fd: undefined }, guards, hasNote: false };
  const mode = modeOf(parent);
  const { results } = yield* chain([
    ['mkdir', way, mode],
    ['mkdir', waiting, mode],
    ['mkdir', join(waiting, token), mode],
    ['rename', waiting, join(way, heldName)],
  ]);
  const made = results.length;
  if (made > 0) guard.opened();
  if (made > 0) for (const one of guards) one.opened();
  if (made === 4) return { home, ticket };
  // The call that failed may have made something all the same.
  if (made > 0) yield* dismantle(operation, home, [named.name, heldName], ticket);
  else for (const one of guards) one.release();
  if (made > 0) yield* leaveHome(operation, home);
  else guard.release();
  return undefined;
}

const notEmpty = new Set(['ENOTEMPTY', 'EEXIST']);

/** What is left to do for the release of a lock: everything, all but removing its entry, only its directory, nothing. */
export type Left = 'all' | 'held' | 'home' | 'nothing';

/** Removes the entry of a lock, the directory that is held, and that of the lock, as far as one chain can. */
export function* releaseAtOnce({ target, exclusive, way, directory }: LockHome, { token, entry }: Ticket): Steps<Left> {
  if (!exclusive || !target.directory.local || entry.fd !== undefined) return 'all';
  const held = join(directory.accessPath, heldName);
  const { results, error } = yield* chain([
    ['rmdir', join(held, token)],
    ['rmdir', held],
    ['rmdir', way],
  ]);
  // Somebody else has the lock by now, or waits for it.
  if (results.length > 0 && notEmpty.has(codeOf(error) ?? '')) return 'nothing';
  return (['all', 'held', 'home', 'nothing'] as const)[results.length] as Left;
}
