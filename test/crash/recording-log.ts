/** Reads what disk.c wrote down. */
import { readFileSync } from 'node:fs';

export interface DiskWrite {
  /** Where its data is in the log. */
  readonly from: number;
  /** Where it goes on the disk. */
  readonly to: number;
  readonly size: number;
}

export type Entry =
  | { readonly kind: 'write' }
  | { readonly kind: 'flush'; readonly covers: number }
  | { readonly kind: 'mark'; readonly text: string };

export interface Recording {
  readonly entries: readonly Entry[];
  readonly writes: readonly DiskWrite[];
}

const headSize = 16;

export function readLog(path: string): Recording {
  const log = readFileSync(path);
  const entries: Entry[] = [];
  const writes: DiskWrite[] = [];
  for (let at = 0; at < log.length;) {
    const type = log.readUInt32LE(at);
    const size = log.readUInt32LE(at + 4);
    const value = Number(log.readBigUInt64LE(at + 8));
    const from = at + headSize;
    if (type === 1) {
      entries.push({ kind: 'write' });
      writes.push({ from, to: value, size });
    } else if (type === 2) entries.push({ kind: 'flush', covers: value });
    else entries.push({ kind: 'mark', text: log.toString('utf8', from, from + size) });
    at = from + size;
  }
  return { entries, writes };
}
