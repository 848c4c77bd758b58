/** The package that is attacked: this build, or the one in the folder that UNTORN_PACKAGE names, as an older one. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const { UNTORN_PACKAGE = fileURLToPath(new URL('../../../', import.meta.url)) } = process.env;

export type Untorn = typeof import('untorn');

export const library: string = pathToFileURL(
  createRequire(join(UNTORN_PACKAGE, 'package.json')).resolve('untorn'),
).href;
export const command: string = join(UNTORN_PACKAGE, 'dist/cli/main.cjs');

/** All windows, places and substitutes, and not some of each. */
export const full: boolean = process.env['UNTORN_HOSTILE'] === 'full';
