/** Adds up what was found on many disks. */
import { kinds, type Kind, type Violation } from './check.ts';

export interface Tally {
  /** Different disks that were looked at. */
  states: number;
  /** Disks on which anything was found. */
  bad: number;
  /** Disks whose superblock was torn, so that they could not be mounted. */
  unmountable: number;
  /** Disks with at least one violation of a kind. */
  readonly violations: Record<Kind, number>;
  /** The first few of each kind. */
  readonly examples: string[];
}

export function newTally(): Tally {
  const violations = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>;
  return { states: 0, bad: 0, unmountable: 0, violations, examples: [] };
}

export function count(tally: Tally, found: readonly Violation[], where: string): void {
  if (found.length > 0) tally.bad++;
  for (const kind of new Set(found.map((violation) => violation.kind))) {
    tally.violations[kind]++;
    if (tally.violations[kind] > 3) continue;
    const some = found.filter((violation) => violation.kind === kind).slice(0, 2);
    tally.examples.push(`${where}: ${some.map(({ path, detail }) => `${kind} ${path} (${detail})`).join('; ')}`);
  }
}
