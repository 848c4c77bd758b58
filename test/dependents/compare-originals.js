// Compares each drop-in with its original: run in the project that has the originals. Says what differs, in JSON.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cases, tryCase } from './originals.js';

const { load } = await import(pathToFileURL(join(process.cwd(), 'load.mjs')).href);
const folder = mkdtempSync(join(tmpdir(), 'untorn-originals-'));
let count = 0;
const wrong = [];
try {
  for (const [peer, some] of Object.entries(cases)) {
    const modules = [await load(peer), await import(`untorn/${peer}`)];
    for (const [what, run, differs] of some) {
      const [original, ours] = [
        await tryCase(run, modules[0], join(folder, `${count}`, 'original')),
        await tryCase(run, modules[1], join(folder, `${count}`, 'drop-in')),
      ];
      count++;
      if ((original === ours) !== (differs === undefined)) wrong.push({ peer, what, original, ours, differs });
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(JSON.stringify({ count, wrong }));
