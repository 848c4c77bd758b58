/**
 * The two files that programs load, made from the public names: `index.cjs` has a function for each that loads its part
 * and calls the real one, and `index.mjs` hands the same ones on.
 */

/**
 * The text of both files, for parts in `folder`. The real functions of the library say how many parameters they have.
 */
export function faceOf({ face, ...parts }, folder, library) {
  const known = [...face, ...Object.values(parts).flat()];
  const names = Object.keys(library);
  const strangers = [
    ...known.filter((name) => !names.includes(name)),
    ...names.filter((name) => !known.includes(name)),
  ];
  if (strangers.length > 0) throw new Error(`Each public name has to be in one part: ${strangers.join(', ')}`);
  return {
    'index.cjs': [
      head(face, folder),
      ...Object.entries(parts).map(([part, names]) => partOf(part, names, folder, library)),
    ].join('\n'),
    'index.mjs': `export {\n${names.map((name) => `  ${name},\n`).join('')}} from './index.cjs';\n`,
  };
}

/** Where a version is too old, the one thing that it is told. */
export const versionCheck = `if (process.getBuiltinModule === undefined) {
  throw new Error(\`untorn needs Node.js 20.19 or 22.12 or later; this is \${process.version}\`);
}`;

const head = (face, folder) => `'use strict';
${versionCheck}
const face = require('./${folder}/face.cjs');
${face.map((name) => `exports.${name} = face.${name};`).join('\n')}
`;

const partOf = (part, names, folder, library) => `
let ${part};
const ${loaderOf(part)} = () => (${part} ??= require('./${folder}/${part}.cjs'));
${names.map((name) => `exports.${name} = ${late(name, loaderOf(part), library)};\n`).join('')}`;

const loaderOf = (part) => `load${part[0].toUpperCase()}${part.slice(1)}`;

/** A function that has a twin with `Sync` in its name gives a promise. */
function late(name, load, library) {
  if (/^[A-Z]/.test(name)) return `face.lateClass(function ${name}() {}, () => ${load}().${name})`;
  const parameters = Array.from({ length: library[name].length }, (_, position) => 'abcdef'[position]).join(', ');
  return `function ${name}(${parameters}) {\n  return face.${`${name}Sync` in library ? 'callLater' : 'call'}('${name}', ${load}, arguments);\n}`;
}
