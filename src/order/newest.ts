/** The newest content of each file that is in place: known while an older call may still come. */
import type { Placed } from './committed.ts';

/** Numbers of calls that have not settled, and may be for any file, lowest first. */
const outstanding = new Set<number>();
/** For each file, how many calls that have not settled are for it and no other. */
const settledOn = new Map<string, number>();
const newest = new Map<string, Placed>();

export function newestIn(file: string): Placed | undefined {
  return newest.get(file);
}

/** Notes content that is newer than what was known. */
export function noteNewest(file: string, record: Placed): void {
  if (outstanding.size > 0 || settledOn.has(file)) newest.set(file, record);
}

/** A call begins, and may be for any file. */
export function callBegins(number: number): void {
  outstanding.add(number);
}

/**
 * It is for one file from now on: nothing has to be kept for it about others. Returns false if it is known to be for
 * one.
 */
export function callSettlesOn(number: number, file: string): boolean {
  if (!outstanding.delete(number)) return false;
  settledOn.set(file, (settledOn.get(file) ?? 0) + 1);
  return true;
}

/** A call has ended: what only calls as old as it could have asked about is forgotten. */
export function callEnds(number: number, file: string | undefined): void {
  outstanding.delete(number);
  if (file !== undefined) {
    const others = (settledOn.get(file) ?? 1) - 1;
    if (others === 0) settledOn.delete(file);
    else settledOn.set(file, others);
  }
  forgetOld();
}

function forgetOld(): void {
  if (newest.size === 0) return;
  const [oldest = Infinity] = outstanding;
  for (const [file, record] of newest) {
    if (record.number > oldest) break;
    if (!settledOn.has(file)) newest.delete(file);
  }
}
