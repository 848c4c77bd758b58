import assert from 'node:assert/strict';
import { execFileSync, spawnSync, type ExecFileSyncOptions } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { needsTools } from '../support/needs.ts';

/** The repository, which the tests are run in. */
const root = process.cwd();
const { version, devDependencies, exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  version: string;
  exports: Record<string, unknown>;
  devDependencies: Record<string, string>;
};

/** What is imported by a name of its own: where its files are, without the ending. */
const entryPoints = Object.values(exports).flatMap((one) => {
  const file = (one as { import?: { default: string } }).import?.default ?? '';
  return /^\.\/(dist\/[\w-]+\/[\w-]+)\.mjs$/.exec(file)?.slice(1) ?? [];
});

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

/** Why the native part is not there for every system, if so. */
function reasonWithoutNative(): string | undefined {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/build.js', 'package', '--all'], {
    encoding: 'utf8',
  });
  if (status !== 0) assert.match(stderr, /^The native part cannot be built without /);
  return status === 0 ? undefined : stderr.trim();
}

const isNative = (path: string) => path.endsWith('.node');

interface Packed {
  filename: string;
  files: { path: string }[];
  size: number;
  unpackedSize: number;
}

describe('the packed package', () => {
  let project: string;
  let tarball: string;
  let files: string[];
  let packed: Packed;
  let withoutNative: string | undefined;

  /** Runs a script in the project that has the package installed. */
  const script = (name: string, source: string): string => {
    writeFileSync(join(project, name), source);
    return run(process.execPath, [name], project).trim();
  };

  before(() => {
    withoutNative = reasonWithoutNative();
    project = mkdtempSync(join(tmpdir(), 'untorn-packaging-'));
    [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], root)) as [
      Packed,
    ];
    tarball = join(project, packed.filename);
    files = packed.files.map(({ path }) => path);
    writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
    run(
      'npm',
      ['install', '--no-audit', '--no-fund', tarball, `@types/node@${devDependencies['@types/node']}`],
      project,
    );
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  it('holds nothing but the build and what introduces it', () => {
    assert.deepEqual(files.filter((path) => !path.startsWith('dist/')).toSorted(), [
      'LICENSE',
      'README.md',
      'package.json',
    ]);
    const others = files.filter((path) => path.startsWith('dist/') && !path.endsWith('.cjs') && !isNative(path));
    const expected = [
      'dist/completions/_untorn',
      'dist/completions/untorn.bash',
      'dist/completions/untorn.fish',
      ...entryPoints.flatMap((path) => ['d.cts', 'd.mts', 'mjs'].map((ending) => `${path}.${ending}`)),
      'dist/index.d.cts',
      'dist/index.d.mts',
      'dist/index.mjs',
      ...[
        'adopt',
        'append',
        'commit',
        'copy',
        'doctor',
        'edit',
        'link',
        'lock',
        'recover',
        'remove',
        'rename',
        'run',
        'sweep',
        'write',
      ].map((command) => `dist/man/untorn-${command}.1`),
      'dist/man/untorn.1',
      'dist/signal-exit.LICENSE.txt',
    ];
    assert.deepEqual(others.toSorted(), expected.toSorted());
  });

  it('is small, apart from the native part', () => {
    const native = files.filter(isNative).map((path) => readFileSync(join(root, path)));
    const unpacked = native.reduce((sum, { length }) => sum + length, 0);
    const compressed = native.reduce((sum, bytes) => sum + gzipSync(bytes).length, 0);
    assert.ok(files.length - native.length <= 104, `${files.length} files`);
    assert.ok(packed.size - compressed <= 222_000, `${packed.size} bytes packed`);
    assert.ok(packed.unpackedSize - unpacked <= 760_000, `${packed.unpackedSize} bytes unpacked`);
  });

  it('has a native part for each system, each of them small', (t) => {
    if (withoutNative !== undefined) return t.skip(withoutNative);
    const native = files.filter(isNative).toSorted();
    assert.deepEqual(
      native,
      ['linux-arm64', 'linux-x64', 'win32-x64'].map((name) => `dist/v${version}/${name}.node`),
    );
    for (const path of native) {
      const { length } = readFileSync(join(root, path));
      assert.ok(length < 50_000, `${path} has ${length} bytes`);
    }
  });

  it('has a native part that names no library, so that one file serves glibc and musl', (t) => {
    if (!needsTools(t, 'readelf')) return;
    const linux = files.filter((path) => isNative(path) && path.includes('linux'));
    assert.ok(linux.length > 0 || withoutNative !== undefined);
    for (const path of linux) {
      assert.doesNotMatch(run('readelf', ['--dynamic', '--wide', path], root), /NEEDED/);
      const symbols = run('readelf', ['--dyn-syms', '--wide', path], root);
      assert.match(symbols, /UND napi_create_function$/m);
      assert.doesNotMatch(symbols, /@/);
    }
  });

  it('has everything that its README links to', () => {
    const links = [...readFileSync('README.md', 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path);
    assert.deepEqual(
      links.filter((path) => !files.includes(path ?? '')),
      [],
    );
  });

  it('is used from an ECMAScript module', () => {
    assert.equal(
      script('use.mjs', `import { writeFile } from 'untorn'; console.log((await writeFile('esm', 'new')).bytes);`),
      '3',
    );
    assert.equal(readFileSync(join(project, 'esm'), 'utf8'), 'new');
  });

  it('is used from CommonJS by require()', () => {
    assert.equal(
      script('use.cjs', `const { writeFileSync } = require('untorn'); console.log(writeFileSync('cjs', 'new').bytes);`),
      '3',
    );
    assert.equal(readFileSync(join(project, 'cjs'), 'utf8'), 'new');
  });

  it('is one library however it is loaded, so that the last call wins (G7)', () => {
    const source = `
      import { createRequire } from 'node:module';
      import { readFileSync } from 'node:fs';
      import * as imported from 'untorn';
      const require = createRequire(import.meta.url);
      const required = require('untorn');
      const inFolder = require('./node_modules/untorn');
      for (const name of Object.keys(imported)) if (imported[name] !== required[name] || imported[name] !== inFolder[name]) throw new Error(name);
      const early = required.writeFile('shared', 'early'.repeat(100_000));
      imported.writeFileSync('shared', 'late');
      await early;
      console.log(readFileSync('shared', 'utf8'));`;
    assert.equal(script('shared.mjs', source), 'late');
  });

  it('loads what a function needs when one is called', () => {
    const source = `
      const { writeFileSync } = require('untorn');
      const loaded = () => Object.keys(require.cache).map((path) => path.match(/untorn.dist.(.*)\\.cjs$/)?.[1].replace(/^v[^/\\\\]*./, '')).filter(Boolean).sort().join();
      const before = loaded();
      writeFileSync('part', 'new');
      console.log(before, loaded());`;
    assert.equal(script('parts.cjs', source), 'face,index face,index,write');
  });

  it('has functions and classes with the names and parameters of the real ones', async () => {
    const real = (await import('#untorn/index.js')) as Record<string, unknown>;
    const shape = (library: Record<string, unknown>) =>
      Object.entries(library)
        .map(([name, value]) =>
          typeof value === 'function' ? [name, value.name, value.length] : [name, String(value)],
        )
        .toSorted();
    const source = `
      const library = require('untorn');
      console.log(JSON.stringify((${String(shape)})(library)));
      const writer = library.createWriter('writer');
      class Mine extends library.Writer {}
      console.log(writer instanceof library.Writer, new Mine('path', {}) instanceof library.Writer, {} instanceof library.Writer);
      writer.close();`;
    const [shapes, classes] = script('shapes.cjs', source).split('\n');
    assert.deepEqual(JSON.parse(shapes ?? ''), JSON.parse(JSON.stringify(shape(real))));
    assert.equal(classes, 'true true false');
  });

  it('shows its functions by name and line in a stack, and the line itself when the process ends by it', () => {
    const source = `
      const { writeFile, writeFileSync } = require('untorn');
      function mine() { writeFileSync('a/b', 'new'); }
      async function yours() { await writeFile('a/b', 'new'); }
      try { mine(); } catch (error) { console.log(error.stack); }
      yours().catch((error) => console.log(error.stack));`;
    const stack = script('stack.cjs', source);
    assert.match(stack, /at (?:Object\.|exports\.)?writeFileSync \(.*write\.cjs:\d+:\d+\)/);
    assert.match(stack, /at mine \(.*stack\.cjs:3:\d+\)/);
    assert.match(stack, /at async yours \(.*stack\.cjs:4:\d+\)/);
    for (const file of files.filter((path) => path.endsWith('.cjs'))) {
      const longest = Math.max(
        ...readFileSync(join(project, 'node_modules', 'untorn', file), 'utf8')
          .split('\n')
          .map((line) => line.length),
      );
      assert.ok(longest < 2000, `${file} has a line of ${longest}`);
    }
  });

  it('waits with its first call for a descriptor to load with, and says what it lacked (G4)', (t) => {
    if (!needsTools(t, 'prlimit')) return;
    writeFileSync(join(project, 'limited'), 'old');
    writeFileSync(
      join(project, 'limited.cjs'),
      `const { writeFile, writeFileSync } = require('untorn');
      const { closeSync, openSync, readFileSync } = require('node:fs');
      const taken = [];
      try { for (;;) taken.push(openSync('limited', 'r')); } catch {}
      let refused;
      try { writeFileSync('limited', 'sync'); } catch (error) { refused = [error.name, error.code, error.outcome, error.path]; }
      const waiting = writeFile('limited', 'new');
      for (const fd of taken) closeSync(fd);
      waiting.then(() => console.log(JSON.stringify([refused, readFileSync('limited', 'utf8')])));`,
    );
    const ended = run('prlimit', ['--nofile=40', process.execPath, 'limited.cjs'], project);
    assert.deepEqual(JSON.parse(ended), [['WriteError', 'EMFILE', 'old', 'limited'], 'new']);
  });

  it('needs no other package', () => {
    const manifest = JSON.parse(
      readFileSync(join(project, 'node_modules', 'untorn', 'package.json'), 'utf8'),
    ) as Record<string, unknown>;
    for (const kind of ['dependencies', 'optionalDependencies', 'peerDependencies', 'bundleDependencies'])
      assert.equal(manifest[kind], undefined, kind);
    // What is installed beside it are the types of Node.
    assert.deepEqual(
      readdirSync(join(project, 'node_modules'))
        .filter((name) => !name.startsWith('.'))
        .toSorted(),
      ['@types', 'undici-types', 'untorn'],
    );
  });

  for (const format of ['esm', 'cjs']) {
    it(`works in a program that is bundled, and keeps attributes where the native part lies beside it (${format})`, (t) => {
      writeFileSync(
        join(project, 'bundled.mjs'),
        `import { openPending, writeFile } from 'untorn'; void (async () => { await writeFile('bundled', '1'); const { bytes, notKept } = await writeFile('bundled', '12'); console.log(JSON.stringify([bytes, notKept])); await openPending('bundled'); process.exit(); })();`,
      );
      const folder = mkdtempSync(join(tmpdir(), 'untorn-bundled-'));
      const program = format === 'esm' ? 'program.mjs' : 'program.cjs';
      try {
        run(
          tool('esbuild'),
          ['bundled.mjs', '--bundle', '--platform=node', `--format=${format}`, `--outfile=${join(folder, program)}`],
          project,
        );
        assert.equal(run(process.execPath, [program], folder).trim(), '[2,["xattr"]]');
        assert.deepEqual(readdirSync(folder).toSorted(), ['bundled', program]);
        const native = `${process.platform}-${process.arch}.node`;
        const own = files.find((path) => path.endsWith(`/${native}`));
        if (own === undefined) return t.skip('there is no native part for this system');
        copyFileSync(join(project, 'node_modules', 'untorn', own), join(folder, native));
        assert.equal(run(process.execPath, [program], folder).trim(), '[2,[]]');
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  it('does not let anyone reach into it', () => {
    for (const inner of ['dist/index.cjs', `dist/v${version}/write.cjs`, `dist/v${version}/write`]) {
      assert.equal(
        script('reach.mjs', `await import('untorn/${inner}').catch((error) => console.log(error.code));`),
        'ERR_PACKAGE_PATH_NOT_EXPORTED',
      );
    }
  });

  for (const module of ['nodenext', 'node16', 'esnext', 'commonjs']) {
    it(`has types for module ${module}`, () => {
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
      run(
        tool('tsc'),
        ['--noEmit', '--strict', '--target', 'es2022', '--types', 'node', '--module', module, 'consumer.ts'],
        project,
      );
    });
  }

  it('has examples in its README and doc comments that compile, and run', () => {
    const names = script('names.mjs', `console.log(Object.keys(await import('untorn')).join(', '));`);
    const packed = ['README.md', ...files.filter((path) => path.endsWith('.d.cts'))];
    const documents = [...packed.map((path) => join(project, 'node_modules', 'untorn', path)), 'docs/functions.md'];
    const examples = documents.flatMap((path) => {
      const text = readFileSync(path, 'utf8').replace(/^ \* ?/gm, '');
      return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
    });
    assert.ok(examples.length > 5);
    const used = `import { ${names} } from 'untorn'; import { createReadStream } from 'node:fs'; import { pipeline } from 'node:stream/promises'; const json = '{}';\n`;
    const sources = examples.map((code, index) => {
      writeFileSync(join(project, `example-${index}.mts`), code.includes('import ') ? code : used + code);
      return `example-${index}.mts`;
    });
    run(
      tool('tsc'),
      [
        '--outDir',
        'emitted',
        '--strict',
        '--target',
        'es2022',
        '--lib',
        'es2022,esnext.disposable',
        '--types',
        'node',
        '--module',
        'nodenext',
        ...sources,
      ],
      project,
    );
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
    run(tool('attw'), [tarball], root);
  });
});

/** The types that a module of `export type { … } from` and `export { …, type … } from` statements exports. */
function* typeNames(source: string): Iterable<string> {
  for (const [, allTypes, names = ''] of source.matchAll(/export (type )?\{([^}]*)\}/g)) {
    for (const name of names
      .split(',')
      .map((text) => text.trim())
      .filter((text) => text !== '')) {
      if (allTypes !== undefined) yield name;
      else if (name.startsWith('type ')) yield name.slice('type '.length);
    }
  }
}
