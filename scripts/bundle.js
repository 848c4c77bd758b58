// Makes the package of what tsc wrote: a file each for the library and the command, and what they share. Node takes about a
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
// The command loads only what the one of its commands needs that is called.
await build({ ...common, entryPoints: ['build/src/cli/main.js'], outdir: 'dist/cli', splitting: true, chunkNames: '[name]-[hash]' });
cpSync('build/src', 'dist', { recursive: true, filter: (path) => !path.endsWith('.js') && !path.endsWith('/cli') });
chmodSync('dist/cli/main.js', 0o755);
