/**
 * The package's types in one file: those of the public names and what they mention. The ECMAScript module has the same.
 */
import { basename } from 'node:path';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

/** A comment with each paragraph in one line: editors wrap it, and the package is smaller. Examples stay as they are. */
function joined(comment) {
  const [text, ...rest] = comment.split(/(?=^\s*\* @example)/m);
  let shorter = text.replaceAll(/([^\s*])\n\s*\* (?! *- |@|```|\s)/g, '$1 ');
  const item = /(\n\s*\* {1,3}- .*)\n\s*\* {3,}(?!- )/g;
  while (item.test(shorter)) shorter = shorter.replaceAll(item, '$1 ');
  return [shorter, ...rest].join('').replace(/^\/\*\*\n\s*\* ([^\n]*)\n\s*\*\/$/, '/** $1 */');
}

const named = (keyword, names) => `${keyword} {\n${names.map((name) => `  ${name},\n`).join('')}};\n`;

/** The declarations that a file and those which it imports make, and the names that it exports. */
async function declarationsOf(input, plugins = []) {
  const bundle = await rollup({ input, external: /^node:/, plugins: [...plugins, dts()] });
  const {
    output: [{ code, exports }],
  } = await bundle.generate({ format: 'es' });
  // The comment at the head of a source file stands before no name.
  const declarations = code
    .replaceAll(/^\/\*\*(?:(?!\*\/)[^])*\*\/\n\n/gm, '')
    .replaceAll(/^export (?:type )?\{[^}]*\};\n/gm, '')
    .replaceAll(/^(?: {4})+/gm, (spaces) => '\t'.repeat(spaces.length / 4))
    .replaceAll(/\/\*\*[^]*?\*\//g, joined);
  const [, main] = /^export \{.*?\b(\w+) as default/m.exec(code) ?? [];
  return { declarations, exports, main };
}

/** `values`: the names that exist when a program runs; of the classes among the others only the type is public. */
export async function typesOf(index, values) {
  const { declarations, exports } = await declarationsOf(index);
  const types = exports.filter((name) => !values.includes(name));
  return {
    'index.d.cts': declarations + named('export', values) + named('export type', types),
    'index.d.mts': `export * from './index.cjs';\n`,
  };
}

/** What a store is has one place: the other entry points for stores take it from there. */
const contract = {
  name: 'contract',
  resolveId: (id, importer) =>
    importer !== undefined && /[/\\]store[/\\]/.test(importer) && id.endsWith('/contract.js')
      ? { id: './store.cjs', external: true }
      : null,
};

/**
 * The types of an entry point of its own; `at` is where they go in dist, without the ending. `require()` gives the default
 * export, if that is a function, with the types in its namespace.
 */
export async function typesOfEntry(at, { exported, isFunction, types: input }) {
  const name = basename(at);
  const ofOthers = at.startsWith('store/') && name !== 'store' ? [contract] : [];
  const { declarations, exports, main } = await declarationsOf(input, ofOthers);
  const types = exports.filter((one) => !exported.includes(one));
  if (!isFunction)
    return {
      [`${at}.d.cts`]:
        declarations + named('export', exported) + (types.length === 0 ? '' : named('export type', types)),
      [`${at}.d.mts`]: `export * from './${name}.cjs';\n`,
    };
  const values = exported.filter((one) => one !== 'default');
  // A namespace that has only types is none when the program runs.
  const aliases = types.map((one) => `  export { ${one} };\n`).join('');
  return {
    [`${at}.d.cts`]: `${declarations}declare namespace ${main} {\n${aliases}}\nexport = ${main};\n`,
    [`${at}.d.mts`]: [
      `import ${main} from './${name}.cjs';\n`,
      `export default ${main};\n`,
      ...values.map((one) => `export declare const ${one}: typeof ${main}.${one};\n`),
      ...types.map((one) => `export type ${one} = ${main}.${one};\n`),
    ].join(''),
  };
}
