/**
 * The order of the tries for a lock: the tickets in its directory have numbers, and the lowest is next.
 *
 * The queue is advice. It decides who tries when, so that many do not hinder each other and none waits much longer than
 * the others. It never decides who holds the lock. A process that finds the lock free several times, while those in
 * front do not take it, takes it: they may have died, or stand still, or be somebody else's, put there to hinder. A
 * ticket that was removed though its owner lives only costs that owner its place.
 *
 * Where the system reports changes, each process watches the ticket directly in front, and the first one the holder. So
 * one process goes on when one has ended, and nobody else wakes up. Each also looks by itself, more rarely the further
 * back it stands: about as often as those in front get through.
 */
import { asText, join, type PathName } from '../contract/index.ts';
import { now, lastChange, type Change, type FileStatus, type Steps } from '../system/index.ts';
import { type Folder, type Operation, inFound, isOwn, namesIn, rmdirIn, afterFailure } from '../files/index.ts';
import { removeEntry } from './entry.ts';
import { lookOnce, signOf } from './holder.ts';
import type { LockHome } from './home.ts';
import { heldName, isBefore, parseTicket, type TicketName } from './name.ts';
import type { Patience } from './wait.ts';

/** How often the lock is found free before those in front are passed. */
const enough = 4;
/** The milliseconds that one holder takes, until that is measured. */
const usual = 1;
/** Milliseconds between two looks, at most. */
const longestPause = 100;
/** By what factor the pauses are longer where the system reports changes. */
const patiently = 5;
/**
 * One look of this many is close: at the lock's holder, and at the next ticket in front. It takes longer than a try.
 */
const closely = 4;
/** How many dead tickets are passed at one look: anybody may have put them there. */
const passed = 100;

/** The tickets in a lock's directory, and whether one of them is held. */
export function* waitingIn(home: Folder): Steps<{ tickets: TicketName[]; isHeld: boolean }> {
  const names = yield* namesIn(home);
  const tickets = names.flatMap((name) => parseTicket(name) ?? []);
  return { tickets, isHeld: names.some((name) => asText(name) === heldName) };
}

/** The place of one ticket in the queue. */
export class Queue {
  readonly #operation: Operation;
  readonly #home: LockHome;
  readonly #own: TicketName;
  /** Tickets that do not count any more. */
  readonly #ignored = new Set<string>();
  /** The tickets at the last look. */
  #tickets: readonly TicketName[] = [];
  #ahead: TicketName | undefined;
  /** How many are in front. */
  #place = 0;
  /** Since when it stands there. */
  #stood = now();
  /** Whether this look is a close one, at the holder too. */
  isClose = true;
  #looks = 0;
  /** The estimated milliseconds for one place. */
  #step = usual;
  #free = 0;

  /** What the last wait reported of the ticket in front. */
  #change: Change = 'unknown';
  /** Whether the system reports changes by others: not those on another machine. */
  #isTold: boolean;

  /** Whether it tries once before those in front. */
  #goesOn: boolean;

  constructor(operation: Operation, home: LockHome, own: TicketName, tickets: readonly TicketName[], goesOn: boolean) {
    this.#goesOn = goesOn;
    this.#isTold = home.exclusive;
    this.#operation = operation;
    this.#home = home;
    this.#own = own;
    this.#stand(tickets);
  }

  /** Whether it is its turn; looks at those in front. */
  *isNext(): Steps<boolean> {
    this.#looks++;
    this.isClose = this.#looks % closely === 1 || this.#free > 0 || this.#change === 'none';
    if (this.#ahead === undefined || this.#goesOn) {
      this.#goesOn = false;
      return true;
    }
    if (this.#place > 1 || this.isClose || (yield* this.#look(this.#ahead.name)) === undefined) yield* this.#list();
    if (this.isClose) yield* this.#passDead();
    return this.#ahead === undefined || this.#free >= enough;
  }

  /** Whether the first try was not enough. */
  get hasWaited(): boolean {
    return this.#looks > 1;
  }

  /** Waits until the next look may succeed: until the one in front goes on, or the lock is released. */
  *wait(patience: Patience): Steps<void> {
    const { blocking } = this.#operation;
    if (this.#free > 0 || blocking || !this.#isTold) yield* patience.wait(this.#pause);
    else {
      // A ticket that is held by now is still the same directory.
      const watched = join(this.#home.way, this.#ahead?.name ?? heldName);
      const pause = Math.min(this.#pause * patiently, longestPause * 2);
      this.#change = yield* patience.waitForChange(watched, pause);
      if (this.#change === 'unknown') this.#isTold = false;
    }
  }

  /** Milliseconds until the next look. */
  get #pause(): number {
    if (this.#free > 0) return usual;
    if (this.#ahead !== undefined) return Math.min(this.#place * this.#step, longestPause);
    return Math.min(Math.max((now() - this.#stood) / 8, usual / 2), longestPause / 4);
  }

  /** Records whether the lock could be taken: it has no holder, or a dead one. */
  foundFree(isFree: boolean): void {
    this.#free = isFree ? this.#free + 1 : 0;
  }

  *#list(): Steps<void> {
    const { tickets, isHeld } = yield* waitingIn(this.#home);
    if (!isHeld) this.isClose = true;
    this.#stand(tickets);
  }

  #stand(tickets: readonly TicketName[]): void {
    this.#tickets = tickets;
    const before = this.#place;
    const time = now();
    let place = 0;
    let ahead: TicketName | undefined;
    for (const one of tickets) {
      if (!isBefore(one, this.#own) || this.#ignored.has(one.token)) continue;
      place++;
      if (ahead === undefined || isBefore(ahead, one)) ahead = one;
    }
    if (before > place) {
      this.#step = Math.max(((time - this.#stood) / (before - place)) * 0.7, usual / 4);
      this.#stood = time;
    } else if (before > 0) this.#step = Math.min(this.#step * 1.5, longestPause / 4);
    this.#place = place;
    this.#ahead = ahead;
  }

  /** Passes dead tickets, up to the first live one: after a kill nobody waits for what is left. */
  *#passDead(): Steps<void> {
    for (let count = 0; count < passed && this.#ahead !== undefined; count++) {
      if (!(yield* this.#isLeft(this.#ahead))) return;
      this.#ignored.add(this.#ahead.token);
      this.#stand(this.#tickets);
    }
  }

  /** Whether the owner of a ticket has died: then the ticket is removed. */
  *#isLeft(ticket: TicketName): Steps<boolean> {
    // An owner that died before it had made an entry has none.
    const status = (yield* this.#entryOf(ticket)) ?? (yield* this.#look(ticket.name));
    if (status === undefined) return true;
    if (!(yield* this.#isOver(ticket, status))) return false;
    // Only the user who left something removes it.
    if (isOwn(this.#operation, status)) yield* afterFailure(removeTicket(this.#operation, this.#home, ticket));
    return true;
  }

  *#entryOf({ name, token }: TicketName): Steps<FileStatus | undefined> {
    return yield* this.#look(join(name, token));
  }

  *#look(name: PathName): Steps<FileStatus | undefined> {
    return yield* lookOnce(join(this.#home.directory.accessPath, name));
  }

  /**
   * Whether the ticket of an owner that cannot be seen is over: it has shown no sign of life for long, by the clock of
   * the filesystem, which the times of our own ticket give.
   */
  *#isOver({ owner }: TicketName, status: FileStatus): Steps<boolean> {
    const sign = signOf(this.#operation, { owner, status }, this.#home.exclusive);
    if (sign !== 'unknown') return sign === 'dead';
    const own = yield* this.#entryOf(this.#own);
    return own !== undefined && lastChange(own) - lastChange(status) > BigInt(owner.lease) * 2_000_000n;
  }
}

/** Removes a ticket, and nothing in it that is not its own. */
export function* removeTicket(
  operation: Operation,
  home: Folder,
  { name, token }: Pick<TicketName, 'name' | 'token'>,
): Steps<void> {
  yield* inFound(operation, home, name, (found) => removeEntry(operation, found, token));
  yield* rmdirIn(operation, home, name);
}
