/**
 * Every state that a crash at this moment can leave, each once. Nothing is sampled: where there are more combinations
 * than `limit` it fails, and the scenario has to be made smaller.
 *
 * Two things make that few. Of several pending changes of one name (or size, or owner and mode) only the last that
 * reached the disk counts, so there is one choice among them instead of a subset of them. And what a file that no name
 * leads to holds makes no difference.
 */
import { apply, isOrdered, type Pending, type Persistence } from './persistence.ts';
import { root, Tree, type Inode } from './tree.ts';

const limit = 20_000;

/** The states, and of how many combinations they are what remains. */
export function crashStates(persistence: Persistence): { states: Tree[]; combinations: number } {
  const states = new Map<string, Tree>();
  let combinations = 0;
  for (const named of persistence.profile === 'weak' ? anyNames(persistence) : prefixes(persistence)) {
    const variants = [...reachableFrom(named)].map((ino) => variantsOf(persistence, named.get(ino) as Inode));
    for (const inodes of product(variants)) {
      if (++combinations > limit)
        throw new Error(`A crash here can leave more than ${limit} states: make the scenario smaller`);
      const tree = new Tree(new Map(inodes.map((inode) => [inode.ino, inode])));
      states.set(tree.canonical, tree);
    }
  }
  return { states: [...states.values()], combinations };
}

type Inodes = Map<number, Inode>;

function copyOf(inodes: ReadonlyMap<number, Inode>): Inodes {
  return new Map([...inodes].map(([ino, inode]) => [ino, { ...inode, entries: new Map(inode.entries) }]));
}

/** Each name by itself: as it certainly is, or as any pending change left it. */
function* anyNames(persistence: Persistence): Generator<Inodes> {
  const slots = new Map<string, (Pending | undefined)[]>();
  for (const effect of persistence.pending) {
    if (effect.kind !== 'entry') continue;
    const slot = `${effect.directory} ${effect.name}`;
    slots.set(slot, [...(slots.get(slot) ?? [undefined]), effect]);
  }
  for (const chosen of product([...slots.values()])) {
    const inodes = copyOf(persistence.certain);
    for (const effect of chosen) if (effect !== undefined) apply(inodes, effect);
    yield inodes;
  }
}

/** The first changes of the journal, up to any of them. */
function* prefixes(persistence: Persistence): Generator<Inodes> {
  const inodes = copyOf(persistence.certain);
  yield copyOf(inodes);
  const ordered = persistence.pending.filter(isOrdered);
  for (const [index, effect] of ordered.entries()) {
    apply(inodes, effect);
    if (ordered[index + 1]?.change !== effect.change) yield copyOf(inodes);
  }
}

function reachableFrom(inodes: Inodes, ino = root, found = new Set<number>()): Set<number> {
  if (found.has(ino)) return found;
  found.add(ino);
  for (const below of (inodes.get(ino) as Inode).entries.values()) reachableFrom(inodes, below, found);
  return found;
}

/** The inode with every content, and in `weak` every mode and owner, that it can have. */
function variantsOf({ profile, pending }: Persistence, inode: Inode): Inode[] {
  const own = pending.filter((effect) => effect.kind !== 'entry' && effect.ino === inode.ino);
  if (own.length === 0) return [inode];
  const metadata = own.filter((effect) => effect.kind === 'metadata' && profile === 'weak') as Extract<
    Pending,
    { kind: 'metadata' }
  >[];
  const variants = new Map<string, Inode>();
  for (const data of contents(own, inode.data, profile === 'ordered')) {
    for (const { mode, uid, gid } of [inode, ...metadata])
      variants.set(`${mode} ${uid} ${gid} ${data}`, { ...inode, mode, uid, gid, data });
  }
  return [...variants.values()];
}

type DataEffect = Extract<Pending, { kind: 'data' }>;

/** Any subset of the writes, cut off or filled up with zeros at any of the sizes. */
function contents(own: readonly Pending[], before: string, ordered: boolean): Set<string> {
  const writes = own.filter((effect): effect is DataEffect => effect.kind === 'data');
  const sizes = [{ size: before.length, change: 0 }, ...own.filter((effect) => effect.kind === 'size')];
  const found = new Set<string>();
  for (const chosen of product(writes.map((write) => [undefined, write]))) {
    let blocks = before;
    for (const write of chosen) if (write !== undefined) blocks = overlay(blocks, write);
    for (const { size, change } of sizes) {
      const missing = writes.some(
        (write, index) => write.extends && write.change <= change && chosen[index] === undefined,
      );
      if (!ordered || !missing) found.add(blocks.slice(0, size).padEnd(size, '\0'));
    }
  }
  return found;
}

function overlay(blocks: string, { offset, bytes }: DataEffect): string {
  return blocks.slice(0, offset).padEnd(offset, '\0') + bytes + blocks.slice(offset + bytes.length);
}

/** One of each, in every combination. */
export function* product<T>(choices: readonly (readonly T[])[]): Generator<T[]> {
  const at = choices.map(() => 0);
  for (;;) {
    yield at.map((index, which) => (choices[which] as readonly T[])[index] as T);
    let which = choices.length - 1;
    while (which >= 0 && ++(at[which] as number) === (choices[which] as readonly T[]).length) at[which--] = 0;
    if (which < 0) return;
  }
}
