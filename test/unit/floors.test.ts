/** The floors of ARCHITECTURE.md, which the linter watches over, and what it does not see. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { newFolder } from '../support/folder.ts';

const folder = 'src';
const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.replaceAll('\\', '/'));

/** The sources that each imports, types included; what is loaded when it is needed comes later than any circle. */
const imports = new Map(
  sources.map((name) => {
    const found = [
      ...readFileSync(join(folder, name), 'utf8').matchAll(/^(?:import|export) [^;]*? from '(\.[^']+)'/gms),
    ];
    return [name, found.map(([, path = '']) => normalize(join(dirname(name), path)).replaceAll('\\', '/'))];
  }),
);

/** How many of Node's modules and of packages a source imports. */
function packages(name: string): number {
  return [...readFileSync(join(folder, name), 'utf8').matchAll(/^import [^;]*? from '[^.]/gms)].length;
}

/** The way back to a source, if there is one. */
function circleFrom(start: string, at = start, seen = new Set<string>()): readonly string[] | undefined {
  for (const next of imports.get(at) ?? []) {
    if (next === start) return [at, next];
    if (seen.has(next)) continue;
    seen.add(next);
    const rest = circleFrom(start, next, seen);
    if (rest !== undefined) return [at, ...rest];
  }
  return undefined;
}

/** The folders from the lowest floor to the highest, as ARCHITECTURE.md draws them. */
const floors = [...readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^\| (\d+) \| ((?:`[\w-]+\/`(?: · )?)+)/gm)].map(
  ([, , names = '']) => [...names.matchAll(/`([\w-]+)\/`/g)].map(([, name = '']) => name),
);

describe('the sources', () => {
  it('have no circle of imports', () => {
    assert.deepEqual(
      sources.map((name) => circleFrom(name)).filter((circle) => circle !== undefined),
      [],
    );
  });

  it('are in folders that a reader can take in', () => {
    const folders = new Map<string, number>();
    for (const name of sources) folders.set(dirname(name), (folders.get(dirname(name)) ?? 0) + 1);
    const top = readdirSync(folder).length;
    assert.ok(top <= 22, `${top} names in ${folder}`);
    for (const [name, files] of folders) assert.ok(files <= 32, `${files} files in ${name}`);
  });

  it('need few others each', () => {
    const counts = [...imports].map(([name, paths]) => ({ name, count: paths.length + packages(name) }));
    const mean = counts.reduce((sum, { count }) => sum + count, 0) / counts.length;
    assert.ok(mean <= 5.25, `${mean} in the mean`);
    // What a folder shows is a list of its files.
    for (const { name, count } of counts.filter((one) => !one.name.endsWith('index.ts')))
      assert.ok(count <= 16, `${name} imports ${count}`);
  });

  it('are on the floors that ARCHITECTURE.md draws', () => {
    const drawn = floors.flat().toSorted();
    assert.deepEqual(
      drawn,
      readdirSync(folder)
        .filter((name) => !name.endsWith('.ts'))
        .toSorted(),
    );
  });
});

it('no floor but the system and the command has the filesystem in another way, or loads what is above', () => {
  const hidden = /getBuiltinModule\(['"](?:node:)?fs|\bimport\(['"]\.\.?\/|\brequire\(/;
  const below = sources.filter((name) => !/^(?:cli|system)\/|^(?:index|late)\.ts$/.test(name));
  assert.deepEqual(
    below.filter((name) => hidden.test(readFileSync(join(folder, name), 'utf8'))),
    [],
  );
});

/** A linter is a program of its own. */
const oxlint = join('node_modules', '.bin', 'oxlint');

describe('the linter', { skip: !existsSync(oxlint) && 'it is not installed' }, () => {
  it('finds an import from the floor above, one past the face of a folder, and a call of the system, in each folder', (t) => {
    const copy = newFolder(t);
    // What is planted has no types to be aware of.
    writeFileSync(
      join(copy, '.oxlintrc.json'),
      readFileSync('.oxlintrc.json', 'utf8').replace('"typeAware": true', '"typeAware": false'),
    );
    const planted: string[] = [];
    const plant = (name: string, from: string): void => {
      mkdirSync(join(copy, folder, dirname(name)), { recursive: true });
      writeFileSync(join(copy, folder, name), `import { it } from '${from}';\nexport const planted: unknown = it;\n`);
      planted.push(`${folder}/${name}`);
    };
    for (const [level, names] of floors.entries()) {
      for (const name of names) {
        for (const below of floors.slice(0, level).flat()) plant(`${name}/into-${below}.ts`, `../${below}/any.ts`);
        if (name === 'cli') continue;
        for (const above of floors.slice(level).flat())
          if (above !== name) plant(`${name}/to-${above}.ts`, `../${above}/index.ts`);
        if (name !== 'system') plant(`${name}/to-fs.ts`, 'node:fs');
      }
    }
    const { stdout, stderr } = spawnSync(
      join(process.cwd(), oxlint),
      ['--disable-nested-config', '--format=json', '-A', 'all', folder],
      { cwd: copy, encoding: 'utf8' },
    );
    const report = JSON.parse(stdout || `{ "diagnostics": [], "said": ${JSON.stringify(stderr)} }`) as {
      diagnostics: { filename: string; code: string }[];
    };
    const about = report.diagnostics.filter(({ code }) => code.includes('no-restricted-imports'));
    const found = new Set(about.map(({ filename }) => filename.replaceAll('\\', '/')));
    assert.deepEqual(
      planted.filter((name) => !found.has(name)),
      [],
      stderr,
    );
    assert.ok(planted.length > 60);
  });
});
