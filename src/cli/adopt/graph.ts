/** Who depends on whom, whatever it was read from, and which of the packages have a drop-in. */
import { dropInFor, type DropIn } from './drop-ins.ts';

/** A package of a project, or the project itself. */
export interface Package<Key> {
  readonly name: string;
  readonly version: string;
  /** Whether it came in the archive of another package: no override reaches it. */
  readonly bundled?: boolean;
  /** What it depends on, by the names that it uses. */
  readonly needs: ReadonlyMap<string, Key>;
}

/** Where the packages of a project are described: in its node_modules, or in a lockfile. */
export interface Source<Key> {
  /** For messages. */
  readonly name: string;
  readonly root: Key;
  look(key: Key): Package<Key>;
}

/** Name and version of a package. */
export interface Named {
  readonly name: string;
  readonly version: string;
}

/** A package that writes files unsafely, and how the project comes to it. */
export interface Found extends Named {
  /** The drop-in for this version, if there is one. */
  readonly dropIn: DropIn | undefined;
  readonly bundled: boolean;
  /** Whether the project itself names it in its package.json. */
  readonly direct: boolean;
  /** For each package that depends on it: the shortest way there from the project, that package last. */
  readonly through: readonly (readonly Named[])[];
}

/** Goes through all packages from the project on, the nearest first. */
export function findUnsafe<Key>(source: Source<Key>): Found[] {
  const found = new Map<Key, Found & { through: (readonly Named[])[] }>();
  const ways = new Map<Key, readonly Named[]>([[source.root, []]]);
  // A Map hands on what is added to it meanwhile.
  for (const [key, way] of ways) {
    for (const needed of source.look(key).needs.values()) {
      const { name, version, bundled = false } = source.look(needed);
      if (!ways.has(needed)) ways.set(needed, [...way, { name, version }]);
      const known = dropInFor(name);
      if (known === undefined) continue;
      const one = found.get(needed) ?? {
        name,
        version,
        dropIn: known.fits(version) ? known : undefined,
        bundled,
        direct: false,
        through: [],
      };
      found.set(needed, key === source.root ? { ...one, direct: true } : { ...one, through: [...one.through, way] });
    }
  }
  return [...found.values()].toSorted(
    (a, b) => compare(a.name, b.name) || compare(a.version, b.version) || a.through.length - b.through.length,
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The shortest of the ways to a package, as a line of names. */
export function lineOf(way: readonly Named[]): string {
  return way.map(({ name, version }) => `${name} ${version}`).join(' > ');
}
