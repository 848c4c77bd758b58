// Counts the files of src that one write enters: those of which at least one function is called. `node bench/entered.js`
// prints them. V8's precise coverage counts, in a fresh process for each API, on what tsc wrote, where a file is a file.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const self = fileURLToPath(import.meta.url);
const root = new URL('../build/src/', import.meta.url).href;
const apis = ['writeFile', 'writeFileSync'];

/** What is called after the promise has settled counts too: until no call on a file is under way. */
async function quiet() {
  do await new Promise((next) => setImmediate(next));
  while (process.getActiveResourcesInfo().some((name) => /^(?:FSReq|CloseReq)/.test(name)));
}

/** The rewrite of a file that was replaced once before, with the options that a call has if none are given. */
async function rewritten(api, folder) {
  const path = join(folder, api);
  writeFileSync(path, 'old');
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  const library = await import('#untorn/index.js');
  const write = async (content) => {
    await library[api](path, content);
    await quiet();
    // Every count begins at zero again.
    return (await session.post('Profiler.takePreciseCoverage')).result;
  };
  await write('first');
  const files = {};
  for (const { url, functions } of await write('second')) {
    const entered = functions.filter(({ ranges }) => ranges[0].count > 0).length;
    if (url.startsWith(root) && entered > 0) files[url.slice(root.length).replace(/\.js$/, '.ts')] = entered;
  }
  return files;
}

/** For each API, the files with the number of their functions that were called. @param {string} base */
export function countEntered(base) {
  const folder = mkdtempSync(join(base, 'entered-'));
  try {
    return Object.fromEntries(
      apis.map((api) => [api, JSON.parse(execFileSync(process.execPath, [self, api, folder], { encoding: 'utf8' }))]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === self) {
  const [api, folder] = process.argv.slice(2);
  if (api !== undefined) console.log(JSON.stringify(await rewritten(api, folder)));
  else
    for (const [name, files] of Object.entries(countEntered('.'))) {
      console.log(`${name}: ${Object.keys(files).length} files`);
      for (const [file, functions] of Object.entries(files).toSorted()) console.log(`  ${file} ${functions}`);
    }
}
