/**
 * The lock of a file between processes, made of renames.
 *
 * The lock of `NAME` is the directory `.NAME.untorn-lock` beside it. It is held while its subdirectory `held` has an
 * entry, whose name says whose it is. To take the lock, a process makes a ticket beside `held`, a directory with such
 * an entry, and renames it to `held`. rename(2) replaces an empty directory or creates the name, and never replaces a
 * directory with an entry. So nobody waits inside of a system call.
 *
 * Promise: at most one holder; and a holder that others took for dead, whether it is or not, loses no update of theirs.
 * All files that the holder may rename to the target lie in its entry, which is a directory (`entry.ts`), and are
 * renamed by the whole path from the target's directory. The lock is free when the entry is gone with all its contents,
 * and not before. A holder may come back late, or somebody may remove its lock: then it finds its temporary file gone,
 * or cannot make it; or it had renamed it before anybody else could read the target. No clock decides that, and no
 * look.
 *
 * A takeover renames the entry, from the very name that was seen: of several processes, one succeeds (`takeover.ts`).
 *
 * Clocks decide only how long to wait for a holder that cannot be seen, as on another machine. The holder shows signs
 * of life by changing its entry's times. A process that has seen no sign for the holder's whole lease, by its own
 * clock, takes over. Nothing of a lock is synced: after a crash its owners are dead anyway.
 */
import { codeOf, isShortage, join } from '../contract/index.ts';
import { parseLockToken, type LockOwner, uninterrupted, type Steps } from '../system/index.ts';
import { during, closeDirectory, refuseUnsafe, type Operation, afterFailure } from '../files/index.ts';
import { takeAtOnce } from './at-once.ts';
import { deadlock, deadlockAround } from './errors.ts';
import { hold, releaseLock, type Lock } from './held.ts';
import { lookAtHolder, signOf } from './holder.ts';
import { enterHome, isBarred, leaveHome, type Barred, type LockHome, type FileIn } from './home.ts';
import { heldName, ticketBehind } from './name.ts';
import { assertExclusive } from './probe.ts';
import { Queue, waitingIn } from './queue.ts';
import { mayGoOn, noteTaken } from './retake.ts';
import { becomesCareful } from './rights.ts';
import { takeOver, waitOutside, type TakeoverRequest } from './takeover.ts';
import { dismantle, drawTicket, isAlone, present, type Ticket } from './ticket.ts';
import { Patience } from './wait.ts';

/** How to take a lock. */
export interface LockRequest extends TakeoverRequest {
  /** When to give up, by `now()`. */
  readonly deadline: number;
  /** The note for whoever takes over from us: see `takeover.ts`. None if it is enough to remove temporary files. */
  readonly note?: Uint8Array;
  /** Locks that the same call holds: it does not wait for itself. */
  readonly own?: readonly Lock[];
}

/**
 * Takes the lock of a file, waiting for its turn. The directory stays open until it is released. If two names share one
 * lock, since they differ in case only, the second gives the lock that the call has already.
 */
export function takeLock(operation: Operation, target: FileIn, request: LockRequest): Steps<Lock> {
  return during(operation, 'lock', take(operation, target, request));
}

function* take(operation: Operation, target: FileIn, request: LockRequest): Steps<Lock> {
  refuseUnsafe(operation, target.directory);
  const { random } = parseLockToken(request.token) as LockOwner;
  const patience = new Patience(operation, request.deadline);
  operation.environment.locks.set(random, 'held');
  target.directory.users++;
  let taken: Lock | undefined;
  try {
    for (;;) {
      const atOnce = request.note === undefined ? yield* takeAtOnce(operation, target, request.token) : undefined;
      const home = atOnce?.home ?? (yield* enterHome(operation, target));
      const entered =
        home === undefined || isBarred(home) ? home : yield* takeIn(operation, home, { request, patience, ...atOnce });
      if (entered === undefined) yield* patience.tryAgain();
      else if (isBarred(entered)) yield* waitOutside(operation, target, entered, { request, patience });
      else {
        taken = entered;
        return taken;
      }
    }
  } finally {
    if (taken?.ticket.token !== request.token) {
      if (operation.environment.locks.get(random) === 'held') operation.environment.locks.delete(random);
      closeDirectory(operation, target.directory);
    }
  }
}

interface Taking {
  readonly request: LockRequest;
  readonly patience: Patience;
  /** The ticket, if it was renamed already. */
  readonly ticket?: Ticket;
}

/** Undefined if the lock's directory, or the ticket in it, was removed meanwhile, as by its last holder. */
function* takeIn(
  operation: Operation,
  home: LockHome,
  { request, patience, ticket: moved }: Taking,
): Steps<Lock | Barred | undefined> {
  let ticket = moved;
  let lock: Lock | undefined;
  let isMoved = moved !== undefined;
  let isBefore = false;
  try {
    if (ticket === undefined) {
      const around = operation.locking?.around ?? [];
      if (!home.isNew && around.length > 0) yield* refuseOwn(home, around);
      if ((yield* assertExclusive(operation, home, operation.settings.lock.lease)) === undefined) return undefined;
      const tickets = home.isNew ? [] : (yield* waitingIn(home)).tickets;
      ticket = yield* drawTicket(operation, home, ticketBehind(tickets, request.token), request.note);
      if (ticket === undefined) return undefined;
      const goesOn = tickets.length > 0 && mayGoOn(operation, home.target);
      const queue = new Queue(operation, home, ticket, tickets, goesOn);
      const turn = yield* waitForTurn(operation, home, ticket, { queue, patience, request });
      if (typeof turn === 'object') return turn;
      if (!turn) return undefined;
      isMoved = true;
      isBefore = goesOn && !queue.hasWaited;
    }
    // Where everything is in memory, a look in this thread takes less time than a trip to another one.
    const isOnSpot = home.target.directory.local;
    if (!(yield* isOnSpot ? aloneOnSpot(home, ticket) : isAlone(home, ticket))) return undefined;
    noteTaken(operation, home.target, isBefore);
    lock = hold(operation, home, ticket);
    return lock;
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (code === 'ENOENT' || code === 'ESTALE') return undefined;
    if (code === 'EACCES' && becomesCareful(operation)) return undefined;
    // It is somebody else's, and this user may not write it.
    if (!home.isNew && ticket === undefined && ['EACCES', 'EPERM'].includes(code))
      return { name: home.name, uid: undefined };
    throw error;
  } finally {
    if (lock === undefined) {
      // If it was moved, also under its own name, since a filesystem made of several may have moved a part of it.
      if (ticket !== undefined)
        yield* dismantle(operation, home, isMoved ? [ticket.name, heldName] : [ticket.name], ticket);
      yield* leaveHome(operation, home);
    }
  }
}

/** Looks in this thread, where nothing waits: without a descriptor it is done once more, where it waits for one. */
function* aloneOnSpot(home: LockHome, ticket: Ticket): Steps<boolean> {
  try {
    return yield* uninterrupted(isAlone(home, ticket));
  } catch (error) {
    if (!isShortage(error)) throw error;
    return yield* isAlone(home, ticket);
  }
}

/** Fails if the lock is held by a callback that waits for this call. */
function* refuseOwn(home: LockHome, around: readonly string[]): Steps<void> {
  const holder = yield* lookAtHolder(home);
  if (around.includes(holder?.owner?.random ?? '')) throw deadlockAround();
}

interface Wait {
  readonly queue: Queue;
  readonly patience: Patience;
  readonly request: LockRequest;
}

/** Waits until the ticket is held. False if the ticket is gone; the lock itself, if the call has it already. */
function* waitForTurn(operation: Operation, home: LockHome, ticket: Ticket, wait: Wait): Steps<boolean | Lock> {
  const { queue, patience, request } = wait;
  let stop: (() => void) | undefined;
  try {
    for (;;) {
      const isNext = yield* queue.isNext();
      if (isNext) {
        const moved = yield* present(operation, home, ticket);
        if (moved !== 'held') return moved === 'there';
      }
      if (queue.isClose) {
        const holder = yield* lookAtHolder(home);
        patience.holder = holder;
        const own = request.own?.find(({ owner }) => owner.random === holder?.owner?.random);
        if (own !== undefined) return own;
        if (operation.blocking && operation.environment.locks.get(holder?.owner?.random ?? '') === 'held')
          throw deadlock();
        const isFree = holder === undefined || patience.isOver(holder, signOf(operation, holder, home.exclusive));
        queue.foundFree(isFree);
        if (isFree && isNext) {
          if (holder === undefined) yield* patience.tryAgain();
          else yield* takeOver(operation, { folder: home.target, home, lock: home.way }, holder, request);
          continue;
        }
      }
      if (!operation.blocking) stop ??= showTicket(operation, home, ticket);
      yield* queue.wait(patience);
    }
  } finally {
    stop?.();
  }
}

/** Shows signs of life during the wait. */
function showTicket({ environment }: Operation, home: LockHome, { name, token, owner }: Ticket): () => void {
  return environment.showLife(join(join(home.way, name), token), owner.lease / 4);
}

/** Takes a lock, runs steps, and releases it, whatever happens in them. */
export function* withLock<T>(
  operation: Operation,
  target: FileIn,
  request: LockRequest,
  steps: (lock: Lock) => Steps<T>,
): Steps<T> {
  const lock = yield* takeLock(operation, target, request);
  let result;
  try {
    result = yield* steps(lock);
  } catch (error) {
    yield* afterFailure(releaseLock(operation, lock));
    throw error;
  }
  yield* during(operation, 'unlock', releaseLock(operation, lock));
  return result;
}
