/** What the package left in folders, after everybody who wrote there is gone. */
import { join } from 'node:path';
import type { SweepResult } from 'untorn';
import type { Actor } from './actors.ts';
import { sleep } from './place.ts';
import type { Stage } from './stage.ts';

/** Of locks whose holders are killed. A holder that nobody else can see is waited for so long. */
export const lock = { lease: 1000, timeout: 60_000 };

/**
 * Sweeps until nothing is left of a package, or what is left is said not to be dead for sure. Returns what is left and
 * was not told.
 */
export async function leftAfterSweep(stage: Stage, sweeper: Actor, ...folders: string[]): Promise<string[]> {
  // The lock of an owner that cannot be seen goes only after its lease.
  for (const end = Date.now() + 3 * lock.lease; ; await sleep(100)) {
    const untold: string[] = [];
    let young = false;
    for (const folder of folders) {
      const { kept } = await sweeper.call<SweepResult>('sweep', folder, { olderThan: 0 });
      young ||= kept.some(({ reason }) => reason === 'young');
      for (const name of await stage.litter(folder)) {
        if (!kept.some(({ path }) => join(folder, name).startsWith(String(path)))) untold.push(name);
      }
    }
    if (!young || Date.now() > end) return untold;
  }
}
