/**
 * The names of a lock: that of its directory, the same for every process that knows the file's name, and those in it.
 */
import { asText, cutName, surround, type PathName } from '../contract/index.ts';
import { parseLockToken, type LockOwner, fnv1a } from '../system/index.ts';

/** The suffix of its directory's name. */
export const lockSuffix = '.untorn-lock';
/** The owner of an entry in this directory holds the lock. */
export const heldName = 'held';
/** The file in a holder's entry with the note for whoever takes over. */
export const noteName = 'note';
/** As short as temporary names are, for filesystems with little room. */
const nameBytes = 143;
const room = nameBytes - 1 - lockSuffix.length;

export function lockNameOf(name: PathName): PathName {
  if (Buffer.byteLength(name) <= room) return surround('.', name, lockSuffix);
  // Filesystems that treat such names as equal must find one lock for them, and other ones may.
  const text = folded(name);
  return surround('.', cutName(text, room - 14), `.${digest(text)}${lockSuffix}`);
}

/** A directory that waits to become the one that is held. */
export interface TicketName {
  readonly name: string;
  readonly number: number;
  /** The name of its entry. */
  readonly token: string;
  readonly owner: LockOwner;
}

/** Numbers have no more digits than are exact. */
const lastNumber = 999_999_999_999_999;

/** The name of a ticket behind others. */
export function ticketBehind(others: readonly TicketName[], token: string): TicketName {
  const number = Math.min(others.reduce((last, one) => Math.max(last, one.number), 0) + 1, lastNumber);
  return { name: `${number}.${token}`, number, token, owner: parseLockToken(token) as LockOwner };
}

/**
 * Undefined if a name is not that of a ticket, or is that of a ticket which sshfs (`workaround=rename`) moved aside.
 */
export function parseTicket(name: PathName): TicketName | undefined {
  const [, number, token] = /^(\d{1,15})\.(.*-[0-9a-z]{20})(?:\d{8})?$/.exec(asText(name)) ?? [];
  const owner = token === undefined ? undefined : parseLockToken(token);
  if (token === undefined || owner === undefined) return undefined;
  return { name: asText(name), number: Number(number), token, owner };
}

/** Whether a ticket comes before another. */
export function isBefore(one: TicketName, other: TicketName): boolean {
  return one.number < other.number || (one.number === other.number && one.token < other.token);
}

/** One string for names that differ in case or form only. */
export function folded(name: PathName): string {
  return asText(name).normalize('NFC').toLowerCase();
}

/** In base 36: two names with one digest share a lock, and that is all. */
function digest(text: string): string {
  return fnv1a(text).toString(36).padStart(13, '0');
}
