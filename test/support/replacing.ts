/** Programs that put functions in the place of those of node:fs. */

/**
 * The first line of such a program. It has `fs` and `native` (see stand-ins.ts), and calls `syncBuiltinESMExports()`
 * before it loads the package.
 */
export const replacing: string = [
  `import fs from 'node:fs';`,
  `import { syncBuiltinESMExports } from 'node:module';`,
  `import { native } from ${JSON.stringify(new URL('./stand-ins.js', import.meta.url).href)};`,
].join(' ');
