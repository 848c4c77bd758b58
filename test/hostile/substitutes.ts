/** What a neighbour puts in the place of something. */
import { dirname, join } from 'node:path';
import type { Deed } from './neighbour-program.ts';
import { baits, type Kind, type Scene } from './scene.ts';
import type { World } from './world.ts';

export interface Substitute {
  /** Where he can do it. */
  readonly kinds: readonly Kind[];
  /** Whether it leads elsewhere: what the caller named leads there then. */
  readonly leads: boolean;
  deeds(world: World, scene: Scene, path: string): readonly Deed[];
}

const anywhere: readonly Kind[] = ['group', 'sticky'];
const huge = String(1 << 30);

export const substitutes = {
  "Alice's directory": { kinds: ['group'], leads: false, deeds: (_, scene, path) => [['move', scene.private, path]] },
  "Alice's file": { kinds: ['group'], leads: false, deeds: (_, scene, path) => [['move', scene.note, path]] },
  "a link to Alice's directory": { kinds: anywhere, leads: true, deeds: ({ homes }, _, path) => [['link', homes.alice, path]] },
  "a link to the superuser's directory": { kinds: anywhere, leads: true, deeds: ({ homes }, _, path) => [['link', homes.root, path]] },
  "a link to the superuser's file": { kinds: anywhere, leads: true, deeds: ({ vault }, _, path) => [['link', vault, path]] },
  'a link to /dev/zero': { kinds: anywhere, leads: false, deeds: (_, __, path) => [['link', '/dev/zero', path]] },
  'a FIFO': { kinds: anywhere, leads: false, deeds: (_, __, path) => [['fifo', path]] },
  'a huge file': { kinds: anywhere, leads: false, deeds: (_, __, path) => [['sparse', path, huge]] },
  'a directory': { kinds: anywhere, leads: false, deeds: (_, __, path) => [['directory', path, ...baits]] },
  nothing: { kinds: anywhere, leads: false, deeds: () => [] },
} satisfies Record<string, Substitute>;

export type SubstituteName = keyof typeof substitutes;

/** Takes away what is under a name, if there is something, and puts a substitute there. */
export function exchange(world: World, scene: Scene, path: string, name: SubstituteName): { readonly away: readonly Deed[]; readonly there: readonly Deed[] } {
  // In the same directory, since what is another's cannot be moved to another one.
  const aside = join(dirname(path), `.aside-${path.length}`);
  return { away: [['move', path, aside]], there: (substitutes[name] as Substitute).deeds(world, scene, path) };
}
