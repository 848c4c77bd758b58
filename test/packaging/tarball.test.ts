import assert from 'node:assert/strict';
import { execFileSync, type ExecFileSyncOptions } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

/** The repository, which the tests are run in. */
const root = process.cwd();
const { version, dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  version: string;
  dependencies?: Record<string, string>;
  devDependencies: Record<string, string>;
};

/** A command of a development dependency. */
function tool(name: string): string {
  return join(root, 'node_modules', '.bin', name);
}

function run(command: string, args: string[], cwd: string): string {
  const options: ExecFileSyncOptions = { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };
  try {
    return execFileSync(command, args, options) as string;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

describe('the packed package', () => {
  let project: string;
  let tarball: string;
  let files: string[];

  /** Runs a script in the project that has the package installed. */
  const script = (name: string, source: string): string => {
    writeFileSync(join(project, name), source);
    return run(process.execPath, [name], project).trim();
  };

  before(() => {
    project = mkdtempSync(join(tmpdir(), 'untorn-packaging-'));
    const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], root)) as [{ filename: string; files: { path: string }[] }];
    tarball = join(project, packed.filename);
    files = packed.files.map(({ path }) => path);
    writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
    run('npm', ['install', '--no-audit', '--no-fund', tarball, `@types/node@${devDependencies['@types/node']}`], project);
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  it('holds nothing but the build and the documents', () => {
    assert.deepEqual(files.filter((path) => !path.startsWith('dist/')).toSorted(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'docs/comparison.md', 'docs/evidence.md', 'docs/filesystems.md', 'docs/guarantees.md', 'docs/locks.md', 'docs/performance.md', 'package.json']);
    assert.deepEqual(files.filter((path) => path.startsWith('dist/') && !/\.(js|d\.ts)$/.test(path)).toSorted(), ['dist/cli/main.cjs', 'dist/signal-exit.LICENSE.txt']);
  });

  it('is used from an ECMAScript module', () => {
    assert.equal(script('use.mjs', `import { writeFile } from 'untorn'; console.log((await writeFile('esm', 'new')).bytes);`), '3');
    assert.equal(readFileSync(join(project, 'esm'), 'utf8'), 'new');
  });

  it('is used from CommonJS by require()', () => {
    assert.equal(script('use.cjs', `const { writeFileSync } = require('untorn'); console.log(writeFileSync('cjs', 'new').bytes);`), '3');
    assert.equal(readFileSync(join(project, 'cjs'), 'utf8'), 'new');
  });

  it('needs no other package', () => {
    rmSync(join(project, 'node_modules', '@napi-rs'), { recursive: true });
    assert.equal(script('bare.mjs', `import { writeFile } from 'untorn'; await writeFile('bare', '1'); console.log((await writeFile('bare', '12')).bytes);`), '2');
    assert.equal(dependencies, undefined);
  });

  it('works in a program that is bundled', () => {
    writeFileSync(join(project, 'bundled.mjs'), `import { openPending, writeFile } from 'untorn'; await writeFile('bundled', '1'); console.log((await writeFile('bundled', '12')).bytes); await openPending('bundled'); process.exit();`);
    const folder = mkdtempSync(join(tmpdir(), 'untorn-bundled-'));
    try {
      run(tool('esbuild'), ['bundled.mjs', '--bundle', '--platform=node', '--format=esm', `--outfile=${join(folder, 'program.mjs')}`, '--external:@napi-rs/xattr'], project);
      assert.equal(run(process.execPath, ['program.mjs'], folder).trim(), '2');
      assert.deepEqual(readdirSync(folder).toSorted(), ['bundled', 'program.mjs']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('does not let anyone reach into it', () => {
    for (const inner of ['dist/protocol/replace.js', 'dist/index.js', 'dist/system/calls.js']) {
      assert.equal(script('reach.mjs', `await import('untorn/${inner}').catch((error) => console.log(error.code));`), 'ERR_PACKAGE_PATH_NOT_EXPORTED');
    }
  });

  for (const moduleResolution of ['nodenext', 'bundler']) {
    it(`has types for moduleResolution ${moduleResolution}`, () => {
      const names = script('names.mjs', `console.log(Object.keys(await import('untorn')).join(', '));`);
      const types = [...typeNames(readFileSync(join(root, 'src', 'index.ts'), 'utf8'))];
      assert.ok(types.includes('WriteOptions') && names.includes('writeFile'));
      const aliases = types.map((name) => `${name} as Type${name}`).join(', ');
      writeFileSync(
        join(project, 'consumer.ts'),
        [
          `import { ${names} } from 'untorn';`,
          `import type { ${aliases} } from 'untorn';`,
          `export const everything: unknown[] = [${names}];`,
          `export type { ${types.map((name) => `Type${name}`).join(', ')} };`,
          `const options: TypeWriteOptions = { durability: 'normal' };`,
          `export const written: Promise<TypeWriteResult> = writeFile('file', 'new', options);`,
          `// @ts-expect-error a number is no content`,
          `export const refused: unknown = writeFile('file', 1);`,
          `// @ts-expect-error a callback that has not written when it returns`,
          `export const half: unknown = atomicWriteSync('file', async (file) => file.write('half'));`,
        ].join('\n'),
      );
      const module = moduleResolution === 'nodenext' ? 'nodenext' : 'esnext';
      run(tool('tsc'), ['--noEmit', '--strict', '--target', 'es2022', '--types', 'node', '--module', module, '--moduleResolution', moduleResolution, 'consumer.ts'], project);
    });
  }

  it('has examples in its README and doc comments that compile, and run', () => {
    const names = script('names.mjs', `console.log(Object.keys(await import('untorn')).join(', '));`);
    const documents = ['README.md', ...files.filter((path) => path.endsWith('.d.ts'))];
    const examples = documents.flatMap((path) => {
      const text = readFileSync(join(project, 'node_modules', 'untorn', path), 'utf8').replace(/^ \* ?/gm, '');
      return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
    });
    assert.ok(examples.length > 5);
    const used = `import { ${names} } from 'untorn'; import { createReadStream } from 'node:fs'; import { pipeline } from 'node:stream/promises'; const json = '{}';\n`;
    const sources = examples.map((code, index) => {
      writeFileSync(join(project, `example-${index}.mts`), code.includes('import ') ? code : used + code);
      return `example-${index}.mts`;
    });
    run(tool('tsc'), ['--outDir', 'emitted', '--strict', '--target', 'es2022', '--lib', 'es2022,esnext.disposable', '--types', 'node', '--module', 'nodenext', ...sources], project);
    for (const source of sources) {
      const folder = mkdtempSync(join(project, 'run-'));
      writeFileSync(join(folder, 'settings.json'), '{}\n');
      run(process.execPath, [join('..', 'emitted', source.replace('.mts', '.mjs'))], folder);
    }
  });

  it('has a command that says its version', () => {
    assert.equal(run('npx', ['--no', '--', 'untorn', '--version'], project).trim(), version);
  });

  it('is packed in the way that publint asks for', () => {
    run(tool('publint'), ['run', '--strict', tarball], root);
  });

  it('has types that are right for every way of importing it', () => {
    run(tool('attw'), [tarball, '--profile', 'esm-only'], root);
  });
});

/** The types that a module of `export type { … } from` and `export { …, type … } from` statements exports. */
function* typeNames(source: string): Iterable<string> {
  for (const [, allTypes, names = ''] of source.matchAll(/export (type )?\{([^}]*)\}/g)) {
    for (const name of names.split(',').map((text) => text.trim()).filter((text) => text !== '')) {
      if (allTypes !== undefined) yield name;
      else if (name.startsWith('type ')) yield name.slice('type '.length);
    }
  }
}
