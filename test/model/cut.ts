/**
 * A transaction that is killed after its commit, and a power cut while another process recovers it: what its owner had
 * not synced may go.
 */
import { contents, fresh, isCommitted, killedAt, old, recoverAll, recovery, type Checked } from './absent.ts';
import { Disk } from './disk.ts';
import { unchanged, type Mutation } from './transactions.ts';
import { Watch } from './watch.ts';

export function checkCut(mutation: Mutation): Checked {
  const violations: string[] = [];
  const seen = new Set<string>();
  let runs = 0;
  for (let kill = 0; ; kill++) {
    let watch: Watch | undefined;
    const killed = killedAt(kill, (disk) => (watch = new Watch(disk)));
    if (killed === undefined || (mutation !== unchanged && violations.length > 0)) return { violations, runs };
    const { disk } = killed;
    // Before the commit what is left is rolled back, as after any crash.
    if (!isCommitted(disk.tree)) continue;
    const other = recovery(disk, '/e', 1, mutation);
    for (let step = 0, goes = true; goes; step++) {
      goes = other.go(1);
      for (const { tree, cause } of (watch as unknown as Watch).states('')) {
        if (cause === 'kill' || seen.has(tree.canonical)) continue;
        seen.add(tree.canonical);
        const left = Disk.from(tree);
        recoverAll(left);
        const { files } = contents(left.tree);
        if (![old, fresh].includes(files))
          violations.push(`G9: ${files}, killed at ${kill}, the power cut (${cause}) at ${step} of the recovery`);
        runs++;
      }
    }
    if (other.error !== undefined) throw other.error;
  }
}
