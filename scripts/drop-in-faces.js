/**
 * The two files of a drop-in that programs load: what `require()` gives is in CommonJS, and `import` gets the same
 * functions.
 */

/** `exported`: the names that the source exports. */
export function facesOfDropIn(name, { exported, isFunction, folder }) {
  const part = `require('../${folder}/drop-ins-${name}.cjs')`;
  const names = exported.filter((one) => one !== 'default');
  const common = isFunction ? `module.exports = ${part}.default;\n` : `module.exports = ${part};\n`;
  const list = names.length === 0 ? '' : `export const { ${names.join(', ')} } = all;\n`;
  return {
    [`drop-ins/${name}.cjs`]: `'use strict';\n${common}`,
    [`drop-ins/${name}.mjs`]: `import all from './${name}.cjs';\n${list}${isFunction ? 'export default all;\n' : ''}`,
  };
}
