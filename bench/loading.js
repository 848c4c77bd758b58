// How long the native part takes to load, in milliseconds: the median of fresh processes. `node bench/loading.js`
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { median } from './statistics.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const file = fileURLToPath(new URL(`../dist/v${version}/${process.platform}-${process.arch}.node`, import.meta.url));
const program = `
  const began = process.hrtime.bigint();
  process.dlopen({ exports: {} }, ${JSON.stringify(file)});
  console.log(Number(process.hrtime.bigint() - began) / 1e6);`;

/** Undefined where there is no native part. */
export function timeLoading() {
  if (!existsSync(file)) return undefined;
  const once = () => Number(execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' }));
  return median(Array.from({ length: 15 }, once));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) console.log(timeLoading());
