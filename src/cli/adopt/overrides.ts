/** What puts the drop-ins in their place: the overrides of each package manager. */
import type { Found } from './graph.ts';

/** What to add to the configuration of each package manager. */
export interface Overrides {
  readonly npm: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly pnpm: Readonly<Record<string, string>>;
  readonly yarn: Readonly<Record<string, string>>;
}

/**
 * An override for each package that has a drop-in. If another version of it has none, only the packages that depend on
 * the right one are named.
 */
export function overridesFor(found: readonly Found[]): Overrides {
  const npm: Record<string, string | Record<string, string>> = {};
  const pnpm: Record<string, string> = {};
  const yarn: Record<string, string> = {};
  for (const { name, dropIn, bundled, through } of found) {
    if (dropIn === undefined || bundled) continue;
    const value = `npm:${dropIn.replacement}`;
    const isMixed = found.some((one) => one.name === name && one.dropIn === undefined);
    if (!isMixed) {
      npm[name] = pnpm[name] = yarn[name] = value;
      continue;
    }
    for (const { name: by, version } of through.flatMap((way) => way.slice(-1))) {
      npm[`${by}@${version}`] = { ...(npm[`${by}@${version}`] as Record<string, string> | undefined), [name]: value };
      pnpm[`${by}@${version}>${name}`] = value;
      yarn[`${by}/${name}`] = value;
    }
  }
  return { npm, pnpm, yarn };
}
