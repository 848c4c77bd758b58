/** A directory that cannot be replaced since no descriptor is left: nothing of the new one stays. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { start } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { needsTools } from '../support/needs.ts';

/** The runtime itself needs some descriptors; three are left for the call. */
const program = `
  import { closeSync, mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs';
  import { setImmediate } from 'node:timers/promises';
  import { replaceDirectory, replaceDirectorySync } from 'untorn';
  const [, folder, name, then] = process.argv;
  const fill = (directory) => writeFileSync(directory + '/index', 'new');
  // What is loaded at a first call is loaded now.
  mkdirSync(folder + '/other');
  await replaceDirectory(folder + '/other/site', fill);
  replaceDirectorySync(folder + '/other/site', fill);
  const taken = [];
  try {
    for (;;) taken.push(openSync('/dev/null'));
  } catch {}
  for (const fd of taken.splice(-3)) closeSync(fd);
  const call = { replaceDirectory, replaceDirectorySync }[name];
  const failure = await (async () => call(folder + '/site', fill))().catch(({ code, outcome }) => [code, outcome]);
  if (then === 'closes') {
    for (const fd of taken) closeSync(fd);
    while (readdirSync(folder).length > 1) await setImmediate();
  }
  console.log(JSON.stringify(failure));`;

for (const name of ['replaceDirectory', 'replaceDirectorySync']) {
  describe(`${name}() with three descriptors`, () => {
    for (const [then, what] of [
      ['closes', 'once there are more'],
      ['ends', 'at the end of the process'],
    ] as const)
      it(`leaves nothing of the new directory ${what} (G4, G10)`, async (t) => {
        if (!needsTools(t, 'prlimit')) return;
        const folder = newFolder(t);
        const child = start(program, [folder, name, then], { under: ['prlimit', '--nofile=64'] });
        t.after(() => child.process.kill('SIGKILL'));
        const { stdout, stderr } = await child.ended;
        assert.deepEqual(JSON.parse(stdout || stderr), ['EMFILE', 'old']);
        assert.deepEqual(readdirSync(folder), ['other']);
      });
  });
}
