/**
 * The disks that a power cut could leave.
 *
 * A disk with a volatile cache keeps what was answered before the last completed flush came in. Of the writes after it
 * any subset may be there, each whole or only some of its sectors of 512 bytes: the model of ALICE (Pillai et al., OSDI
 * '14) and CrashMonkey (Mohan et al., OSDI '18), one layer down. The order in which a disk does them adds nothing: it
 * shows only where two writes meet in one sector, and there too a subset leaves the older, the newer or neither.
 */
import type { DiskWrite, Recording } from './recording-log.ts';

/** A moment at which the power is cut. */
export interface Cut {
  /** Writes that a flush has made durable: all before this number. */
  readonly covered: number;
  /** Writes that the disk has been sent: all before this number. */
  readonly sent: number;
  /** Marks that had been made. */
  readonly marks: number;
  /**
   * Whether it is the last before another flush: there the disk that has nothing more than what was flushed is looked
   * at.
   */
  readonly isLast: boolean;
}

export const sector = 512;

/**
 * The moments before and after each flush and each mark, from the mark `start` to the mark `end`. Between two writes
 * only the last is kept of several moments with the same writes: it has made the most promises.
 */
export function findCuts({ entries }: Recording): Cut[] {
  const cuts = new Map<string, { -readonly [K in keyof Cut]: Cut[K] }>();
  let [covered, sent, marks] = [0, 0, 0];
  let started = false;
  const cut = (): void => void (started && cuts.set(`${covered} ${sent}`, { covered, sent, marks, isLast: false }));
  for (const entry of entries) {
    if (entry.kind === 'write') {
      sent++;
      continue;
    }
    cut();
    if (entry.kind === 'flush') covered = Math.max(covered, entry.covers);
    else {
      marks++;
      if (entry.text === 'start') started = true;
      if (entry.text === 'end') break;
    }
    cut();
  }
  const all = [...cuts.values()];
  for (const one of new Map(all.map((each) => [each.covered, each])).values()) one.isLast = true;
  return all;
}

/** As many of the cuts, all over the recording, as leave two states or more for each. */
export function chooseCuts(cuts: readonly Cut[], states: number, random: Random): Cut[] {
  const share = Math.min(1, states / 2 / cuts.length);
  return cuts.filter(() => random() < share);
}

export type Random = () => number;

/** Numbers from 0 to 1 that a seed repeats (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What of the writes after the flush is there: for each disk, the parts of them. */
export function sampleStates(cut: Cut, writes: readonly DiskWrite[], count: number, random: Random): DiskWrite[][] {
  const open = writes.slice(cut.covered, cut.sent);
  const states = new Map<string, DiskWrite[]>();
  const add = (parts: DiskWrite[]): void =>
    void states.set(parts.map(({ from, size }) => `${from}+${size}`).join(' '), parts);
  if (cut.isLast) add([]);
  if (open.length > 0) add(open);
  if (2 ** open.length <= count) {
    for (let subset = 1; subset < 2 ** open.length; subset++) add(open.filter((_, at) => (subset >> at) & 1));
  }
  for (let attempt = 0; states.size < count && attempt < 4 * count && open.length > 0; attempt++) {
    // Nearly nothing, nearly all and half find different mistakes.
    const share = [0.1, 0.5, 0.9][Math.floor(random() * 3)] as number;
    const torn = random() < 0.5 ? 0.3 : 0;
    add(open.flatMap((write) => (random() >= share ? [] : random() < torn ? tear(write, random) : [write])));
  }
  return [...states.values()].slice(0, count);
}

/** Only the first, only the last, or any of its sectors. */
function tear(write: DiskWrite, random: Random): DiskWrite[] {
  const sectors = Math.floor(write.size / sector);
  const at = Math.floor(random() * sectors);
  const part = (first: number, end: number): DiskWrite[] =>
    end > first
      ? [{ from: write.from + first * sector, to: write.to + first * sector, size: (end - first) * sector }]
      : [];
  switch (Math.floor(random() * 3)) {
    case 0:
      return part(0, at);
    case 1:
      return part(at, sectors);
    default:
      return Array.from({ length: Math.min(sectors, 64) }, (_, index) =>
        random() < 0.5 ? part(index, index + 1) : [],
      ).flat();
  }
}
