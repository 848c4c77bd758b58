import type { Durability } from './subjects.ts';
import type { Workload } from './workload.ts';

/** What was asked of the program whose disks are examined. */
export class Examination {
  protected readonly workload: Workload;
  protected readonly durability: Durability;
  protected readonly sweeps: boolean;

  /** @param sweeps whether what else is there is this package's */
  constructor(workload: Workload, durability: Durability, sweeps: boolean) {
    this.workload = workload;
    this.durability = durability;
    this.sweeps = sweeps;
  }
}
