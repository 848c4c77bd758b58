/**
 * Whether a filesystem has the property that locks need: no directory is renamed over one with entries.
 *
 * Some filesystems that are made of several others, or that ask a server in several steps, rename it all the same, or
 * merge both. It is tried once for each directory, before anything else is done there, unless the filesystem is known
 * to do as rename(2) says. That is no proof: two holders also look whether they are alone.
 */
import { codeOf, asText, join, type PathName } from '../contract/index.ts';
import { call, type Steps } from '../system/index.ts';
import { type Operation, inFound, namesIn, afterFailure } from '../files/index.ts';
import { lockUnsupported } from './errors.ts';
import type { LockHome } from './home.ts';
import { ticketBehind } from './name.ts';
import { removeTicket } from './queue.ts';
import { dismantle, drawTicket, type Ticket } from './ticket.ts';

/** Directories that were tried. */
class Tried extends Set<string> {}
/** How many are remembered. */
const maximum = 1000;

/** Fails if two processes could have one lock. Undefined if the lock's directory has gone. */
export function* assertExclusive(operation: Operation, home: LockHome, lease: number): Steps<true | undefined> {
  const { key } = home.target.directory;
  const tried = operation.environment.state.of(Tried);
  if (home.exclusive || tried.has(key)) return true;
  const tickets: Ticket[] = [];
  let isSure;
  try {
    for (let count = 0; count < 2; count++) {
      const ticket = yield* drawTicket(operation, home, ticketBehind(tickets, operation.environment.lockToken(lease)));
      if (ticket === undefined) return undefined;
      tickets.push(ticket);
    }
    isSure = yield* isRefused(operation, home, tickets as [Ticket, Ticket]);
  } finally {
    for (const ticket of tickets) yield* dismantle(operation, home, [ticket.name], ticket);
  }
  if (!isSure) {
    yield* removeRest(operation, home, tickets);
    throw lockUnsupported('a directory may be renamed over one that is not empty');
  }
  if (tried.size >= maximum) tried.clear();
  tried.add(key);
  return true;
}

/** Whether one ticket cannot be renamed over another, whatever the error is, and both are unchanged. */
function* isRefused(operation: Operation, home: LockHome, [one, other]: readonly [Ticket, Ticket]): Steps<boolean> {
  const [from, to] = [one, other].map(({ name }) => join(home.directory.accessPath, name)) as [PathName, PathName];
  if (yield* succeeds(call.rename(from, to))) return false;
  for (const { name, token } of [one, other]) {
    const names = yield* listed(operation, home, name);
    if (names?.length !== 1 || asText(names[0] as string) !== token) return false;
  }
  return true;
}

/** Undefined if it does not exist; the kernel may have it cached all the same, and open it. */
function* listed(operation: Operation, home: LockHome, name: PathName): Steps<PathName[] | undefined> {
  try {
    return yield* inFound(operation, home, name, (found) => namesIn(found));
  } catch (error) {
    if (!['ENOENT', 'ESTALE'].includes(codeOf(error) ?? '')) throw error;
    return undefined;
  }
}

function* succeeds(steps: Steps<void>): Steps<boolean> {
  try {
    yield* steps;
    return true;
  } catch {
    return false;
  }
}

/** Removes directories that were merged, or moved aside under another name. */
function* removeRest(operation: Operation, home: LockHome, tickets: readonly Ticket[]): Steps<void> {
  for (const name of yield* namesIn(home)) {
    const isOurs = tickets.some((ticket) => asText(name).startsWith(ticket.name));
    if (!isOurs) continue;
    for (const { token } of tickets) yield* afterFailure(removeTicket(operation, home, { name: asText(name), token }));
  }
}
