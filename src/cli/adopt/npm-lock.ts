/** The packages of a project as the lockfile of npm 7 or later has them. */
import type { Package, Source } from './graph.ts';
import { needsOf, type Manifest } from './node-modules.ts';

interface Entry extends Manifest {
  readonly link?: boolean;
  readonly resolved?: string;
  readonly inBundle?: boolean;
}

/** @throws if the lockfile is of another form. */
export function lockedByNpm(name: string, text: string): Source<string> {
  const { packages } = JSON.parse(text) as { packages?: Readonly<Record<string, Entry>> };
  if (packages === undefined) throw new Error('it is of npm 6 or earlier; "npm install" of a later one renews it');
  const entryOf = (key: string): Entry => packages[key] ?? {};
  const look = (key: string): Package<string> => {
    const entry = entryOf(key);
    const needs = new Map<string, string>();
    for (const needed of Object.keys(needsOf(entry, !key.includes('node_modules/')))) {
      const found = resolveFrom(packages, key, needed);
      if (found !== undefined) needs.set(needed, found);
    }
    // The packages of a workspace.
    if (key === '')
      for (const [linked, { link, resolved }] of Object.entries(packages))
        if (link === true && resolved !== undefined && packages[resolved] !== undefined) needs.set(linked, resolved);
    return {
      name: entry.name ?? key.slice(key.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version: entry.version ?? '',
      bundled: entry.inBundle === true,
      needs,
    };
  };
  return { name, root: '', look };
}

/** As Node finds it: in the nearest node_modules. */
function resolveFrom(packages: Readonly<Record<string, Entry>>, key: string, name: string): string | undefined {
  for (let at = key; ; at = parentOf(at)) {
    const candidate = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    const entry = packages[candidate];
    if (entry !== undefined) return entry.link === true ? entry.resolved : candidate;
    if (at === '') return undefined;
  }
}

function parentOf(key: string): string {
  const end = key.lastIndexOf('node_modules/');
  if (end > 0) return key.slice(0, end - 1);
  return end === 0 || !key.includes('/') ? '' : key.slice(0, key.lastIndexOf('/'));
}
