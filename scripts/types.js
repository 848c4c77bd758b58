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

/** `values`: the names that exist when a program runs; of the classes among the others only the type is public. */
export async function typesOf(index, values) {
  const bundle = await rollup({ input: index, external: /^node:/, plugins: [dts()] });
  const {
    output: [{ code, exports }],
  } = await bundle.generate({ format: 'es' });
  // The comment at the head of a source file stands before no name.
  const declarations = code
    .replaceAll(/^\/\*\*(?:(?!\*\/)[^])*\*\/\n\n/gm, '')
    .replaceAll(/^export (?:type )?\{[^}]*\};\n/gm, '')
    .replaceAll(/^(?: {4})+/gm, (spaces) => '\t'.repeat(spaces.length / 4))
    .replaceAll(/\/\*\*[^]*?\*\//g, joined);
  const named = (keyword, names) => `${keyword} {\n${names.map((name) => `  ${name},\n`).join('')}};\n`;
  const types = exports.filter((name) => !values.includes(name));
  return {
    'index.d.cts': declarations + named('export', values) + named('export type', types),
    'index.d.mts': `export * from './index.cjs';\n`,
  };
}
