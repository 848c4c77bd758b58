/** The packages of a project as they are installed: by npm, by pnpm, or by yarn with node_modules. */
import { existsSync, lstatSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import type { Package, Source } from './graph.ts';

/** What a package.json says, as far as it is needed. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly bundleDependencies?: readonly string[] | boolean;
  readonly bundledDependencies?: readonly string[] | boolean;
}

/** What it depends on, by name; development dependencies count for the project's own packages only. */
export function needsOf(manifest: Manifest, isOwn: boolean): Record<string, string> {
  const { peerDependencies, optionalDependencies, dependencies, devDependencies } = manifest;
  return { ...peerDependencies, ...optionalDependencies, ...dependencies, ...(isOwn ? devDependencies : {}) };
}

/** Undefined if nothing is installed in the directory. */
export function installedIn(directory: string): Source<string> | undefined {
  const root = realpathSync(directory);
  if (!existsSync(join(root, 'node_modules'))) return undefined;
  const known = new Map<string, Package<string>>();
  const look = (path: string): Package<string> => {
    const one = known.get(path) ?? packageAt(path, root);
    known.set(path, one);
    return one;
  };
  return { name: 'node_modules', root, look };
}

function packageAt(path: string, root: string): Package<string> {
  const manifest = readManifest(path);
  const isOwn = !isInstalled(path);
  const needs = new Map<string, string>();
  const wanted = Object.keys(needsOf(manifest ?? {}, isOwn));
  for (const name of path === root ? [...wanted, ...linkedIn(root, manifest === undefined)] : wanted) {
    const found = resolveFrom(path, name);
    if (found !== undefined) needs.set(name, found);
  }
  const { name = basename(path), version = '' } = manifest ?? {};
  return { name, version, bundled: isBundled(path, name), needs };
}

function isInstalled(path: string): boolean {
  return path.split(sep).includes('node_modules');
}

/** A package that has no readable package.json depends on nothing. */
function readManifest(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

/** As Node finds it: in the nearest node_modules, links followed. */
function resolveFrom(path: string, name: string): string | undefined {
  for (let at = path; ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (dirname(at) === at) return undefined;
  }
}

/** The packages of a workspace, which are linked; of a folder without package.json, all that is installed. */
function linkedIn(root: string, all: boolean): string[] {
  const folder = join(root, 'node_modules');
  const names = readdirSync(folder).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(folder, name)).map((inner) => `${name}/${inner}`) : [name],
  );
  const isLinked = (name: string): boolean => {
    const path = join(folder, name);
    return lstatSync(path).isSymbolicLink() && existsSync(path) && !isInstalled(realpathSync(path));
  };
  return names.filter((name) => !name.startsWith('.') && (all || isLinked(name)));
}

/** Whether the package that it is installed in brought it along. */
function isBundled(path: string, name: string): boolean {
  const end = path.lastIndexOf(`${sep}node_modules${sep}`);
  if (end === -1) return false;
  const { bundleDependencies, bundledDependencies } = readManifest(path.slice(0, end)) ?? {};
  const bundle = bundleDependencies ?? bundledDependencies;
  return bundle === true || (Array.isArray(bundle) && bundle.length > 0 && isPart(path.slice(0, end), name, bundle));
}

/** Whether a package is in a bundle, itself or because something in the bundle needs it. */
function isPart(owner: string, name: string, bundle: readonly string[], seen = new Set<string>()): boolean {
  return bundle.some((one) => {
    if (one === name) return true;
    if (seen.has(one)) return false;
    seen.add(one);
    const needs = Object.keys(needsOf(readManifest(join(owner, 'node_modules', one)) ?? {}, false));
    return isPart(owner, name, needs, seen);
  });
}
