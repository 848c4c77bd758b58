/** What a row of the table is: a filesystem, or a situation that programs can be in. */
import { groups } from './behaviours.ts';
import type { Place } from './place.ts';
import type { Mounted } from './stage.ts';

export interface Filesystem {
  readonly name: string;
  /** Packages of Debian that it takes, beside those that every Debian has. */
  readonly packages: readonly string[];
  /** What the quick run tries there: the behaviours in which it is special. */
  readonly quick?: readonly string[];
  /** Makes and mounts it; where the place has disks from before, what is on them. */
  mount(target: Place): Promise<Mounted>;
}

/** Every behaviour. */
export const everything: readonly string[] = groups.flatMap(({ behaviours }) => behaviours.map(({ name }) => name));
