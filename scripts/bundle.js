// Makes the package of what tsc wrote: a file each for the library and the command. Node takes about a millisecond to find and
// load a module, and there are a hundred; for that reason signal-exit is in there too, whose copies know of each other. Nothing is
// minified: a stack trace can be read, and V8 compiles it no faster without comments and hardly faster with short names.
import { chmodSync, cpSync } from 'node:fs';
import { build } from 'esbuild';

const common = {
  bundle: true,
  external: ['@napi-rs/xattr'],
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  logLevel: 'warning',
};
await build({ ...common, entryPoints: ['build/src/index.js'], outdir: 'dist' });
// The command as CommonJS, which Node starts sooner; each of its commands is still evaluated only when it is called.
await build({
  ...common,
  format: 'cjs',
  entryPoints: ['build/src/cli/main.js'],
  outfile: 'dist/cli/main.cjs',
  define: { 'import.meta.url': 'thisFile' },
  banner: { js: "const thisFile = require('node:url').pathToFileURL(__filename).href;" },
});
cpSync('node_modules/signal-exit/LICENSE.txt', 'dist/signal-exit.LICENSE.txt');
cpSync('build/src', 'dist', { recursive: true, filter: (path) => !path.endsWith('.js') && !path.endsWith('/cli') });
chmodSync('dist/cli/main.cjs', 0o755);
