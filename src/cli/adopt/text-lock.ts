/** The packages of a project, from the lockfiles of yarn (all versions) and pnpm: lines, nested by indentation. */
import type { Package, Source } from './graph.ts';
import { needsOf, type Manifest } from './node-modules.ts';

/** What a line opens, by name; what a line says is text. */
type Block = Map<string, Block | string>;

/** The lines of both lockfiles: `key:` with lines below it, `key: value`, and `key value` in yarn 1. */
function readBlocks(text: string): Block {
  const root: Block = new Map();
  const open: { indent: number; block: Block }[] = [{ indent: -1, block: root }];
  for (const line of text.split(/\r?\n/)) {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    const indent = line.length - line.trimStart().length;
    while ((open.at(-1)?.indent ?? -1) >= indent) open.pop();
    const { block } = open.at(-1) as { block: Block };
    if (content.endsWith(':')) {
      const inner: Block = new Map();
      block.set(content.slice(0, -1), inner);
      open.push({ indent, block: inner });
      continue;
    }
    const [, key = '', value = ''] = /^("[^"]+"|'[^']+'|[^\s"']+?):?\s+(.+)$/.exec(content) ?? [];
    block.set(plain(key), value === '{}' ? new Map() : plain(value));
  }
  return root;
}

function plain(text: string): string {
  return text.replaceAll(/^["']|["']$/g, '');
}

function inner(block: Block | string | undefined, name: string): Block {
  const found = typeof block === 'object' ? block.get(name) : undefined;
  return typeof found === 'object' ? found : new Map();
}

function textIn(block: Block | string | undefined, name: string): string | undefined {
  const found = typeof block === 'object' ? block.get(name) : undefined;
  return typeof found === 'string' ? found : undefined;
}

/** What a block of a package depends on: pairs of a name and a range or version. */
function* dependenciesIn(block: Block | string | undefined, kinds: readonly string[]): Iterable<[string, string]> {
  for (const kind of kinds)
    for (const [name, value] of inner(block, kind))
      yield [plain(name), typeof value === 'string' ? value : (textIn(value, 'version') ?? '')];
}

/** `manifest` is the project's package.json: the lockfile of yarn 1 does not have it. */
export function lockedByYarn(name: string, text: string, manifest: Manifest): Source<string> {
  const byKey = new Map<string, Block>();
  for (const [keys, block] of readBlocks(text))
    if (typeof block === 'object')
      for (const key of keys.split(/,\s*/)) byKey.set(plain(plain(keys) === keys ? key : key), block);
  const root = '';
  const find = (dependency: string, range: string): string | undefined =>
    [`${dependency}@${range}`, `${dependency}@npm:${range}`].find((key) => byKey.has(key));
  const own = [...byKey.keys()].filter((key) => key.includes('@workspace:'));
  const look = (key: string): Package<string> => {
    const block = byKey.get(key);
    const needed =
      key === root
        ? Object.entries(needsOf(manifest, true))
        : dependenciesIn(block, ['dependencies', 'optionalDependencies']);
    const needs = new Map<string, string>(key === root ? own.map((one) => [one, one]) : []);
    for (const [dependency, range] of needed) {
      const found = find(dependency, range);
      if (found !== undefined) needs.set(dependency, found);
    }
    const real =
      textIn(block, 'resolution') ??
      (/npm:(.+)$/.exec(key)?.[1]?.includes('@') === true ? key.replace(/^.*?npm:/, '') : key);
    return { name: nameIn(real), version: textIn(block, 'version') ?? '', needs };
  };
  return { name, root, look };
}

/** Version 6 of the lockfile, of pnpm 8, or later. */
export function lockedByPnpm(name: string, text: string): Source<string> {
  const blocks = readBlocks(text);
  const all = new Map<string, Block>();
  for (const section of ['packages', 'snapshots'])
    for (const [key, block] of inner(blocks, section))
      if (typeof block === 'object') all.set(plain(key).replace(/^\//, ''), block);
  const importers = inner(blocks, 'importers');
  const projects = importers.size > 0 ? [...importers.values()] : [blocks];
  const root = '';
  const find = (dependency: string, version: string): string | undefined =>
    [`${dependency}@${version}`, version.replace(/^\//, '')].find((key) => all.has(key));
  const kinds = ['dependencies', 'optionalDependencies'];
  const look = (key: string): Package<string> => {
    const needed =
      key === root
        ? projects.flatMap((project) => [...dependenciesIn(project, [...kinds, 'devDependencies'])])
        : dependenciesIn(all.get(key), kinds);
    const needs = new Map<string, string>();
    for (const [dependency, version] of needed) {
      const found = find(dependency, version);
      if (found !== undefined) needs.set(`${dependency}@${version}`, found);
    }
    const bare = key.replace(/\(.*$/, '');
    return { name: nameIn(bare), version: bare.slice(nameIn(bare).length + 1), needs };
  };
  return { name, root, look };
}

/** The name in `name@range`; it may begin with an @ itself. */
function nameIn(key: string): string {
  const end = key.indexOf('@', 1);
  return end === -1 ? key : key.slice(0, end);
}
