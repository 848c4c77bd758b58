// Makes the package of what tsc wrote: CommonJS, which every Node, bundler and test runner can load, an ECMAScript
// module as its face, and one file of types. signal-exit is in there too: its copies know of each other.
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rollup } from 'rollup';
import { parseAst } from 'rollup/parseAst';
import { minify } from 'terser';
import { facesOfEntry } from './entry-faces.js';
import { faceOf, versionCheck } from './face.js';
import { writeManual } from './manual.js';
import { commands, dropIns, parts, stores } from './parts.js';
import { placesOf } from './places.js';
import { typesOf, typesOfEntry } from './types.js';

const source = resolve('build/src');
const index = join(source, 'index.js');
const main = join(source, 'cli', 'main.js');
/**
 * What the face itself needs: how it loads the others, and what has to be taken from the globals before a program
 * changes them.
 */
const early = ['late.js', 'system/globals.js'].map((name) => join(source, name));
/**
 * The parts' folder has the version in its name: a program that runs while the package is updated never loads a part of
 * another version.
 */
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const folder = `v${version}`;

/** An entry for each part, which re-exports its names, whatever files they are in. */
const entries = {
  name: 'parts',
  resolveId: (id) => (id in parts ? id : id.startsWith('signal-exit') ? fileURLToPath(import.meta.resolve(id)) : null),
  load: (id) =>
    id in parts
      ? [named(parts[id], index), ...(id === 'face' ? early.map((path) => `export * from '${path}';`) : [])].join('\n')
      : null,
  resolveImportMeta: (property) => (property === 'url' ? "require('node:url').pathToFileURL(__filename).href" : null),
};

function named(names, path) {
  return `export { ${names.join(', ')} } from '${path}';`;
}

/** What programs import as `untorn/NAME`: where its files are in dist, and its source. */
const entryPoints = [
  ...Object.entries(dropIns).map(([name, { isFunction }]) => ({
    at: `drop-ins/${name}`,
    from: join(source, 'drop-ins', name),
    isFunction,
  })),
  ...Object.entries(stores).map(([name, file]) => ({
    at: `store/${basename(name)}`,
    from: join(source, 'store', file),
    isFunction: false,
  })),
];

const bundle = await rollup({
  input: {
    ...Object.fromEntries(Object.keys(parts).map((name) => [name, name])),
    ...Object.fromEntries(entryPoints.map(({ at, from }) => [at, `${from}.js`])),
    'cli/main': main,
  },
  external: /^node:/,
  plugins: [entries],
  preserveEntrySignatures: 'allow-extension',
  treeshake: { moduleSideEffects: (id) => id === main },
  onwarn({ code, message }) {
    throw new Error(`${code}: ${message}`);
  },
});

/** Where a chunk goes. */
function fileOf({ name }) {
  return name.startsWith('cli/') ? `${name}.cjs` : `${folder}/${name.replace('/', '-')}.cjs`;
}

const output = {
  format: 'cjs',
  exports: 'named',
  esModule: false,
  dynamicImportInCjs: false,
  hoistTransitiveImports: false,
  minifyInternalExports: true,
  externalLiveBindings: false,
  // Which of Node's modules have a default export of their own.
  interop: (id) => (id === 'node:path' ? 'default' : 'esModule'),
  entryFileNames: fileOf,
  chunkFileNames: fileOf,
};
const owners = ownersOf((await bundle.generate(output)).output);
const generated = await bundle.generate({ ...output, manualChunks: (id) => owners.get(id), sourcemap: 'hidden' });
const chunks = generated.output.filter(({ type }) => type === 'chunk');

/** The first part that needs a module, for each; modules of the command that is called, or of several of them. */
function ownersOf(all) {
  const byFile = new Map(all.map((chunk) => [chunk.fileName, chunk]));
  const found = new Map(Object.keys(parts).map((name) => [name, name]));
  // npm packs files in the order of their endings and names: so the words of the help come right after the manual,
  // which has the same.
  for (const name of ['commands', 'shared-options']) found.set(join(source, 'cli', `${name}.js`), 'cli/commands');
  const take = (chunk, owner) => {
    for (const id of Object.keys(chunk.modules)) if (!found.has(id)) found.set(id, owner);
    for (const file of chunk.imports) if (byFile.has(file)) take(byFile.get(file), owner);
  };
  found.set(join(source, 'drop-ins', 'replacing.js'), 'drop-ins');
  const entries = [...Object.keys(parts), ...entryPoints.map(({ at }) => at), 'cli/main'];
  for (const name of entries) take(byFile.get(fileOf({ name })), name);
  const later = all.filter(({ isDynamicEntry }) => isDynamicEntry);
  const ofCommand = later.filter(({ name }) => Object.values(commands).flat().includes(name));
  for (const chunk of later) if (!ofCommand.includes(chunk)) take(chunk, 'cli/shared');
  for (const [owner, names] of Object.entries(commands))
    for (const chunk of ofCommand) if (names.includes(chunk.name)) take(chunk, owner);
  return found;
}

/**
 * Small, and so that a stack trace can be read: functions and classes keep their names, and statements end with their
 * lines, where a semicolon would be. Node's own modules are had in a way that bundlers and mocks of `fs` leave alone.
 */
async function finish(text, sourceMap) {
  const names = { keep_fnames: true, keep_classnames: true };
  const { code, map } = await minify(text.replace(/require\('(node:[\w/]+)'\)/g, "process.getBuiltinModule('$1')"), {
    ecma: 2020,
    compress: {
      ...names,
      passes: 3,
      toplevel: true,
      inline: false,
      reduce_funcs: false,
      sequences: false,
      hoist_props: false,
      lhs_constants: false,
    },
    mangle: { ...names, toplevel: true },
    format: { semicolons: false, max_line_len: 1990, quote_style: 0 },
    sourceMap: { content: sourceMap, asObject: true },
  });
  const finished = `${withLet(code)}\n`;
  return { finished, places: placesOf(code, finished, map) };
}

/** By now it is known that nothing is assigned twice, and the shorter word is there a thousand times. */
function withLet(code) {
  const starts = [];
  const visit = (node) => {
    if (node.type === 'VariableDeclaration' && node.kind === 'const') starts.push(node.start);
    for (const part of Object.values(node)) if (typeof part === 'object' && part !== null) visit(part);
  };
  visit(parseAst(code, { allowReturnOutsideFunction: true }));
  return starts.reduceRight((text, at) => `${text.slice(0, at)}let${text.slice(at + 'const'.length)}`, code);
}

for (const name of ['cli', 'drop-ins', 'store', folder]) mkdirSync(join('dist', name), { recursive: true });
const places = {};
for (const { fileName, code, map } of chunks) {
  const isCommand = fileName === 'cli/main.cjs';
  const text = isCommand ? code.replace("'use strict';", `$&\n${versionCheck}`) : code;
  // The map has one semicolon for each line.
  const lines = ';'.repeat(isCommand ? versionCheck.split('\n').length : 0);
  const made = await finish(text, { ...map, mappings: map.mappings.replace(';', `$&${lines}`) });
  writeFileSync(join('dist', fileName), made.finished);
  places[fileName] = made.places;
}
writeFileSync(join('build', 'places.json'), JSON.stringify(places));
const library = await import(pathToFileURL(index).href);
const made = {
  ...faceOf(parts, folder, library),
  ...(await typesOf(join(source, 'index.d.ts'), Object.keys(library))),
};
for (const { at, from, isFunction } of entryPoints) {
  const exported = Object.keys(await import(pathToFileURL(`${from}.js`).href));
  Object.assign(made, facesOfEntry(at, { exported, isFunction, folder }));
  Object.assign(made, await typesOfEntry(at, { exported, isFunction, types: `${from}.d.ts` }));
}
for (const [name, text] of Object.entries(made)) writeFileSync(join('dist', name), text);
writeManual(version);
copyFileSync('node_modules/signal-exit/LICENSE.txt', 'dist/signal-exit.LICENSE.txt');
chmodSync('dist/cli/main.cjs', 0o755);
