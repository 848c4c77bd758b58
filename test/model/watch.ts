/** What a crash may leave of a disk that a process is at work on. */
import { crashStates } from './crash-states.ts';
import { Disk } from './disk.ts';
import { Persistence, profiles, type Profile } from './persistence.ts';
import type { Tree } from './tree.ts';

/** What a crash of a disk can leave, in each kind of filesystem; each state of the medium is told once. */
export class Watch {
  readonly #persistences: readonly Persistence[];
  readonly #seen = new Set<string>();

  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
    this.#persistences = profiles.map((profile) => withoutLocks(new Persistence(profile, disk), disk));
  }

  /**
   * As it is when processes are killed, and what a power cut can make of it; the latter once for each promise that
   * holds by then.
   */
  *states(promise: string): Generator<{ readonly tree: Tree; readonly cause: 'kill' | Profile }> {
    yield { tree: copyOf(this.#disk.tree), cause: 'kill' };
    for (const persistence of this.#persistences) {
      const moment = `${promise} ${persistence.profile} ${persistence.signature}`;
      if (this.#seen.has(moment)) continue;
      this.#seen.add(moment);
      for (const tree of crashStates(persistence).states) yield { tree, cause: persistence.profile };
    }
  }
}

/** A power cut takes all locks with it: which of them are left makes no difference but to how long this takes. */
function withoutLocks(persistence: Persistence, disk: Disk): Persistence {
  disk.listeners[disk.listeners.indexOf(persistence)] = {
    created: (inode) => persistence.created(inode),
    changed: (effects) =>
      persistence.changed(
        effects.filter(
          (effect) => effect.kind !== 'entry' || !(effect.name === 'held' || effect.name.includes('untorn-l')),
        ),
      ),
    synced: (ino) => persistence.synced(ino),
  };
  return persistence;
}

export function copyOf(tree: Tree): Tree {
  return Disk.from(tree).tree;
}
