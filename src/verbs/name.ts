/**
 * What is done with a name: in the order of this process's calls, and confirmed durable at the end.
 *
 * Promise: the decisive call is made by this thread at once, after a look at what newer calls of this process have
 * done. So a call of this process that comes later is never undone by an earlier one.
 */
import { record, type Fields, type WriteOptions } from '../contract/index.ts';
import { environment, forBytes, givePermit, type GivenPath, type Steps } from '../system/index.ts';
import {
  closeTarget,
  failedDuring,
  isLocked,
  newLockedOperation,
  newOperation,
  readOptions,
  reporting,
  syncLinks,
  throwIfAborted,
  type LockedOperation,
  type Operation,
  type Settings,
  type Target,
} from '../files/index.ts';
import { type Committed, Turn } from '../order/index.ts';
import { claimTarget, confirmName } from '../replace/index.ts';

/** Settings of a verb that acts on the name itself, whatever the name is of. */
export function readNameOptions(
  given: object | null | undefined,
  known: readonly (keyof WriteOptions)[],
  further: readonly string[] = [],
): { readonly settings: Settings; readonly fields: Fields } {
  const fields = record(given, 'options', [...known, ...further]);
  const own = Object.fromEntries(known.map((name) => [name, fields[name]]));
  return { settings: readOptions({ ...own, symlink: 'replace' }), fields };
}

/** A call: its operation, and its place in the order of this process's calls from now on. */
export interface Call {
  readonly operation: Operation;
  readonly turn: Turn;
}

/** A call whose turn it is, and what its name is of. */
export interface Name extends Call {
  readonly target: Target;
}

/** What a newer call of this process has done with the name. */
export type Newer = Committed;

/** Begins a call. */
export function newCall(
  path: GivenPath,
  settings: Settings,
  what: Pick<Operation, 'operation'> & Partial<Pick<Operation, 'given' | 'dest'>>,
  blocking: boolean,
): Call {
  const operation = { ...newOperation(path, settings, environment, blocking), ...what };
  return { operation, turn: new Turn(operation) };
}

/** Begins a call that takes the lock of its file. */
export function newLockedCall(
  path: GivenPath,
  settings: Settings,
  what: Pick<Operation, 'operation'>,
  blocking: boolean,
): Call & { readonly operation: LockedOperation } {
  const operation = { ...newLockedOperation(path, settings, environment, blocking), ...what };
  return { operation, turn: new Turn(operation) };
}

/** Runs steps for a name when it is the call's turn. */
export function* onName<T, C extends Call>(began: C, steps: (name: C & Name) => Steps<T>): Steps<T> {
  try {
    return yield* reporting(began.operation, inTurn(began, steps));
  } finally {
    began.turn.leave();
  }
}

function* inTurn<T, C extends Call>(began: C, steps: (name: C & Name) => Steps<T>): Steps<T> {
  const { operation, turn } = began;
  throwIfAborted(operation);
  yield* turn.enter();
  try {
    // What waits for a lock takes none: its holder may be a callback that waits for a permit.
    if (!isLocked(operation)) yield* forBytes.take(operation);
    const target = yield* claimTarget(operation, turn, operation.path);
    try {
      return yield* steps({ ...began, target });
    } finally {
      closeTarget(operation, target);
    }
  } finally {
    givePermit(operation);
  }
}

/** From now on this is the newest that was done with the name. */
export function commitName({ operation, turn, target }: Name): void {
  operation.outcome = 'new';
  const record = turn.committed(target);
  if (record !== undefined) record.isName = true;
}

/** Makes what was done with the name as durable as the caller asked for. */
export function* confirmDone({ operation, turn, target }: Name, isLink = false): Steps<boolean | 'unsupported'> {
  const { durability } = operation.settings;
  try {
    const links = isLink && durability === 'full' ? yield* syncLinks(operation, target.directory) : true;
    const names = yield* confirmName(operation, target);
    const durable = names === true && links === 'unsupported' ? links : names;
    turn.confirmed(durability, durable);
    return durable;
  } catch (error) {
    turn.failed(error);
    throw failedDuring(operation, 'sync directory', error);
  }
}

/** Newer content of this process is committed already, as if it had come after this call: how durable it is. */
export function* giveWay({ operation }: Call, newer: Newer): Steps<boolean | 'unsupported'> {
  givePermit(operation);
  // A call that cannot wait for its syncs goes ahead of them.
  if (!operation.blocking) yield* newer.settled();
  operation.outcome = 'new';
  if (newer.error !== undefined) throw failedDuring(operation, 'sync directory', newer.error);
  return newer.covers(operation.settings.durability) ? (newer.confirmed?.durable ?? false) : false;
}
