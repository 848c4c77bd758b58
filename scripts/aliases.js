/**
 * Makes a package for each drop-in, as a tarball in build/aliases: `@untorn/NAME`, which has nothing but `untorn/NAME`.
 * The overrides of npm, pnpm and yarn put one package in the place of another, and none of them takes a subpath.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { dropIns } from './parts.js';

const folder = resolve('build', 'aliases');
const untorn = JSON.parse(readFileSync('package.json', 'utf8'));

/** `version`: that of the original, since the ranges of its dependents have to allow it. */
function manifestOf(name, version) {
  const { license, engines } = untorn;
  const condition = (kind) => ({ types: `./index.d.${kind}ts`, default: `./index.${kind}js` });
  return {
    name: `@untorn/${name}`,
    version,
    description: `untorn in the place of ${name}`,
    license,
    engines,
    type: 'commonjs',
    main: './index.cjs',
    types: './index.d.cts',
    exports: { '.': { import: condition('m'), require: condition('c') }, './package.json': './package.json' },
    dependencies: { untorn: `^${untorn.version}` },
  };
}

function filesOf(name, { version, isFunction }) {
  const from = `'untorn/${name}'`;
  const all = `export * from ${from};\n${isFunction ? `export { default } from ${from};\n` : ''}`;
  return {
    'package.json': `${JSON.stringify(manifestOf(name, version), null, 2)}\n`,
    'index.cjs': `'use strict';\nmodule.exports = require(${from});\n`,
    'index.mjs': all,
    'index.d.cts': isFunction ? `import all = require(${from});\nexport = all;\n` : all,
    'index.d.mts': all,
    'README.md': `# @untorn/${name}\n\nThe drop-in of [untorn](https://www.npmjs.com/package/untorn) for ${name} ${version.split('.')[0]}, to be named in an override:\n\n\`\`\`json\n{ "overrides": { "${name}": "npm:@untorn/${name}@^${version}" } }\n\`\`\`\n\n\`npx untorn adopt\` prints what a project needs. untorn's docs/drop-ins.md says what differs.\n`,
  };
}

rmSync(folder, { recursive: true, force: true });
for (const [name, dropIn] of Object.entries(dropIns)) {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  for (const [file, text] of Object.entries(filesOf(name, dropIn))) writeFileSync(join(own, file), text);
  copyFileSync('LICENSE', join(own, 'LICENSE'));
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: own }),
  );
  console.log(join('build', 'aliases', filename));
}
