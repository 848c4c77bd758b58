/** The files of a torture: one that all write, and one for each writing thread. */
import { join } from 'node:path';

export const shared = 'shared';

/** A writing thread's own file, by its place: which outlives the thread. */
export function own(folder: string, place: string): string {
  return join(folder, `own-${place}`);
}
