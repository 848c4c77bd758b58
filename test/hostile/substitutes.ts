/** What a neighbour puts in the place of something. */
import { dirname, join } from 'node:path';
import type { Deed } from './neighbour-program.ts';
import { baits, type Kind, type Scene } from './scene.ts';
import type { World } from './world.ts';

export interface Substitute {
  /** Where he can do it. */
  readonly kinds: readonly Kind[];
  /** What a caller who names it gets: where a link leads, or all of a huge file. */
  readonly asked?: 'a link' | 'all of it';
  deeds(world: World, scene: Scene, path: string): readonly Deed[];
}

const anywhere: readonly Kind[] = ['group', 'sticky'];
const huge = String(1 << 30);

export const substitutes = {
  "Alice's directory": { kinds: ['group'], deeds: (_, scene, path) => [['move', scene.private, path]] },
  "Alice's file": { kinds: ['group'], deeds: (_, scene, path) => [['move', scene.note, path]] },
  "a link to Alice's directory": {
    kinds: anywhere,
    asked: 'a link',
    deeds: ({ homes }, _, path) => [['link', homes.alice, path]],
  },
  "a link to the superuser's directory": {
    kinds: anywhere,
    asked: 'a link',
    deeds: ({ homes }, _, path) => [['link', homes.root, path]],
  },
  "a link to the superuser's file": {
    kinds: anywhere,
    asked: 'a link',
    deeds: ({ vault }, _, path) => [['link', vault, path]],
  },
  'a link to /dev/zero': { kinds: anywhere, deeds: (_, __, path) => [['link', '/dev/zero', path]] },
  'a FIFO': { kinds: anywhere, deeds: (_, __, path) => [['fifo', path]] },
  'a huge file': { kinds: anywhere, asked: 'all of it', deeds: (_, __, path) => [['sparse', path, huge]] },
  'a directory': { kinds: anywhere, deeds: (_, __, path) => [['directory', path, ...baits]] },
  // Where the system lets him: Linux does only with what he can read and write anyway, unless told otherwise (proc(5),
  // protected_hardlinks).
  "a hard link to Alice's file": { kinds: anywhere, deeds: (_, scene, path) => [['hardLink', scene.note, path]] },
  nothing: { kinds: anywhere, deeds: () => [] },
} satisfies Record<string, Substitute>;

export type SubstituteName = keyof typeof substitutes;

/** Takes away what is under a name, if there is something, and puts a substitute there. */
export function exchange(
  world: World,
  scene: Scene,
  path: string,
  name: SubstituteName,
): { readonly away: readonly Deed[]; readonly there: readonly Deed[] } {
  // In the same directory, since what is another's cannot be moved to another one.
  const aside = join(dirname(path), `.aside-${path.length}`);
  return { away: [['move', path, aside]], there: (substitutes[name] as Substitute).deeds(world, scene, path) };
}
