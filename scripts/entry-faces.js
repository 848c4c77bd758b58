/**
 * The two files of an entry point of its own that programs load: what `require()` gives is in CommonJS, and `import` gets
 * the same functions.
 */
import { basename } from 'node:path';

/** `at`: where they are in dist, without the ending; `exported`: the names that the source exports. */
export function facesOfEntry(at, { exported, isFunction, folder }) {
  const part = `require('../${folder}/${at.replace('/', '-')}.cjs')`;
  const names = exported.filter((one) => one !== 'default');
  const common = isFunction ? `module.exports = ${part}.default;\n` : `module.exports = ${part};\n`;
  const list = names.length === 0 ? '' : `export const { ${names.join(', ')} } = all;\n`;
  return {
    [`${at}.cjs`]: `'use strict';\n${common}`,
    [`${at}.mjs`]: `import all from './${basename(at)}.cjs';\n${list}${isFunction ? 'export default all;\n' : ''}`,
  };
}
