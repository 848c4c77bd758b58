/**
 * The package's types in one file: those of the public names and what they mention. The ECMAScript module has the same.
 */
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
async function declarationsOf(input) {
  const bundle = await rollup({ input, external: /^node:/, plugins: [dts()] });
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

/** The types of a drop-in. `require()` gives the default export, if that is a function, with the types in its namespace. */
export async function typesOfDropIn(name, { exported, isFunction, types: input }) {
  const { declarations, exports, main } = await declarationsOf(input);
  const types = exports.filter((one) => !exported.includes(one));
  if (!isFunction)
    return {
      [`drop-ins/${name}.d.cts`]: declarations + named('export', exported) + named('export type', types),
      [`drop-ins/${name}.d.mts`]: `export * from './${name}.cjs';\n`,
    };
  const values = exported.filter((one) => one !== 'default');
  // A namespace that has only types is none when the program runs.
  const aliases = types.map((one) => `  export { ${one} };\n`).join('');
  return {
    [`drop-ins/${name}.d.cts`]: `${declarations}declare namespace ${main} {\n${aliases}}\nexport = ${main};\n`,
    [`drop-ins/${name}.d.mts`]: [
      `import ${main} from './${name}.cjs';\n`,
      `export default ${main};\n`,
      ...values.map((one) => `export declare const ${one}: typeof ${main}.${one};\n`),
      ...types.map((one) => `export type ${one} = ${main}.${one};\n`),
    ].join(''),
  };
}
