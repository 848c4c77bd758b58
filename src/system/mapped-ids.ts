/** Users and groups that this process cannot tell apart, since its user namespace has no number for them. */
import { readFileSync } from 'node:fs';

type Kind = 'uid' | 'gid';

const overflow = new Map<Kind, number | undefined>();

/** Whether an owner from stat(2) stands for all that are not mapped here (user_namespaces(7)). */
export function isUnmapped(kind: Kind, id: number): boolean {
  if (process.platform !== 'linux') return false;
  if (!overflow.has(kind)) overflow.set(kind, readOverflow(kind));
  return overflow.get(kind) === id;
}

/** The number that stands for them; undefined if every owner has its own. */
function readOverflow(kind: Kind): number | undefined {
  try {
    const map = readFileSync(`/proc/self/${kind}_map`, 'utf8').trim().split('\n');
    const mapped = map.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[2] ?? 0), 0);
    // All but -1, which is not an owner.
    if (mapped >= 0xffffffff) return undefined;
    return Number(readFileSync(`/proc/sys/kernel/overflow${kind}`, 'utf8'));
  } catch {
    return undefined; // No /proc, or a kernel without user namespaces.
  }
}
