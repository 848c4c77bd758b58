// Makes the package of what tsc wrote: a file each for the library and the command. Node takes about a
// millisecond to find and load a module, and there are fifty. Nothing is minified: a stack trace can be read.
import { chmodSync, cpSync } from 'node:fs';
import { build } from 'esbuild';

const common = {
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  logLevel: 'warning',
};
await build({ ...common, entryPoints: ['build/src/index.js'], outdir: 'dist' });
// The command is one file too, with the dependency that it always needs: looking for files is most of what a short run does. As
// CommonJS, which Node starts sooner; each of its commands is still evaluated only when it is called.
await build({
  ...common,
  format: 'cjs',
  packages: undefined,
  external: ['@napi-rs/xattr'],
  entryPoints: ['build/src/cli/main.js'],
  outfile: 'dist/cli/main.cjs',
  define: { 'import.meta.url': 'thisFile' },
  banner: { js: "const thisFile = require('node:url').pathToFileURL(__filename).href;" },
});
cpSync('node_modules/signal-exit/LICENSE.txt', 'dist/cli/signal-exit.LICENSE.txt');
cpSync('build/src', 'dist', { recursive: true, filter: (path) => !path.endsWith('.js') && !path.endsWith('/cli') });
chmodSync('dist/cli/main.cjs', 0o755);
