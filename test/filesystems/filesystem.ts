/** What a row of the table is: a filesystem, or a situation that programs can be in. */
import type { Place } from './place.ts';
import type { Mounted } from './stage.ts';

export interface Filesystem {
  readonly name: string;
  /** Packages of Debian that it takes, beside those that every Debian has. */
  readonly packages: readonly string[];
  /** Whether it is part of the quick run. */
  readonly quick?: boolean;
  /** Makes and mounts it; where the place has disks from before, what is on them. */
  mount(place: Place): Promise<Mounted>;
}
