/**
 * What of a disk's changes has certainly reached the medium, and what may have.
 *
 * Three kinds of filesystem, after Pillai et al. (ALICE, OSDI '14) and the documentation of each:
 * - `weak`: no more than POSIX says, as ext2. Every effect that was not synced may be there or not, alone; a rename's
 *   new name and the removal of its old one are two effects. Syncing a file says nothing about its name.
 * - `journaled`: names, modes and owners persist in the order of the changes, as a prefix; a rename as a whole. Data
 *   and sizes follow in any order (xfs, ext4 `data=writeback`). Syncing commits the journal up to the last change of
 *   that inode.
 * - `ordered`: as that, but a size is never there without the data that made the file so long (ext4 `data=ordered`).
 *
 * Mode and owner of one inode persist in order also in `weak`: they lie in one block, which is written as a whole.
 */
import type { Disk, Effect, Listener } from './disk.ts';
import type { Inode } from './tree.ts';

export type Profile = 'weak' | 'journaled' | 'ordered';
export const profiles: readonly Profile[] = ['weak', 'journaled', 'ordered'];

/** An effect that may be lost, with the number of the change that it belongs to. */
export type Pending = Effect & { readonly change: number };

export class Persistence implements Listener {
  readonly profile: Profile;
  /** What a crash cannot take away any more. */
  readonly certain = new Map<number, Inode>();
  pending: Pending[] = [];
  #changes = 0;

  /** Takes everything that is there now for certain. */
  constructor(profile: Profile, disk: Disk) {
    this.profile = profile;
    for (const inode of disk.inodes.values()) this.created(inode);
    disk.listeners.push(this);
  }

  created(inode: Inode): void {
    this.certain.set(inode.ino, { ...inode, entries: new Map(inode.entries) });
  }

  changed(effects: readonly Effect[]): void {
    const change = ++this.#changes;
    for (const effect of effects) this.pending.push({ ...effect, change });
  }

  synced(ino: number): void {
    const last =
      this.profile === 'weak'
        ? 0
        : Math.max(
            0,
            ...this.pending.filter((effect) => isOrdered(effect) && concerns(effect, ino)).map(({ change }) => change),
          );
    const forced = (effect: Pending): boolean =>
      (isOrdered(effect) && effect.change <= last) ||
      (effect.kind === 'entry' ? this.profile === 'weak' && effect.directory === ino : effect.ino === ino);
    for (const effect of this.pending.filter(forced)) apply(this.certain, effect);
    this.pending = this.pending.filter((effect) => !forced(effect));
  }

  /** Equal for disks that can crash into the same states. */
  get signature(): string {
    const inodes = [...this.certain.values()].map(({ ino, mode, uid, gid, data, entries }) =>
      [ino, mode, uid, gid, data, ...entries].join(),
    );
    const pending = this.pending.map((effect) => Object.values({ ...effect, change: 0 }).join());
    return `${inodes.join(';')}\n${pending.join(';')}`;
  }
}

/** Whether the effect goes through the journal. */
export function isOrdered(effect: Effect): effect is Extract<Effect, { kind: 'metadata' | 'entry' }> {
  return effect.kind === 'metadata' || effect.kind === 'entry';
}

function concerns(effect: Effect, ino: number): boolean {
  return effect.ino === ino || (effect.kind === 'entry' && effect.directory === ino);
}

export function apply(inodes: ReadonlyMap<number, Inode>, effect: Effect): void {
  const inode = inodes.get(effect.kind === 'entry' ? effect.directory : effect.ino) as Inode;
  switch (effect.kind) {
    case 'data': {
      const end = effect.offset + effect.bytes.length;
      inode.data =
        inode.data.slice(0, effect.offset).padEnd(effect.offset, '\0') + effect.bytes + inode.data.slice(end);
      break;
    }
    case 'size':
      inode.data = inode.data.slice(0, effect.size).padEnd(effect.size, '\0');
      break;
    case 'metadata':
      Object.assign(inode, { mode: effect.mode, uid: effect.uid, gid: effect.gid });
      break;
    case 'entry':
      if (effect.ino === undefined) inode.entries.delete(effect.name);
      else inode.entries.set(effect.name, effect.ino);
  }
}
