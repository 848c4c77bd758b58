/** Names in an open directory are looked at on the spot, as long as that does not keep the program waiting. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { readSyncData } from '#untorn/contract/data.js';
import { readOptions } from '#untorn/files/settings.js';
import { newOperation } from '#untorn/files/operation.js';
import { Turn } from '#untorn/order/turn.js';
import { replaceFile } from '#untorn/replace/replace-file.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { environment } from '#untorn/system/environment.js';
import { givenPath } from '#untorn/system/paths.js';
import { asyncSystem, syncSystem } from '../support/systems.ts';

const local = new Set([0xef53, 0x01021994, 0x58465342, 0x9123683e]);
const isLocal = process.platform === 'linux' && local.has(statfsSync(tmpdir()).type);
const skip = isLocal ? false : `${tmpdir()} is on no filesystem where looks are made on the spot`;

/** Where each of several writes looked for its target first: on the spot, or in another thread. */
async function looks(wait: number): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'untorn-looks-'));
  const path = join(folder, 'file');
  writeFileSync(path, 'old');
  let where: string | undefined;
  const isTarget = (given: unknown): boolean => String(given).endsWith('/file');
  const spot = {
    ...syncSystem,
    open: (...args: Parameters<typeof syncSystem.open>): number => {
      if (isTarget(args[0])) {
        where ??= 'on the spot';
        if (wait > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wait);
      }
      return syncSystem.open(...args);
    },
  };
  const threads = {
    ...asyncSystem,
    open: (...args: Parameters<typeof asyncSystem.open>): void => {
      if (isTarget(args[0])) where ??= 'in another thread';
      asyncSystem.open(...args);
    },
  };
  const found: string[] = [];
  try {
    for (let count = 0; count < 4; count++) {
      where = undefined;
      const operation = newOperation(givenPath(path), readOptions({ durability: 'off' }), environment, false);
      await runAsync(replaceFile(operation, new Turn(operation), readSyncData(`new ${count}`, 'utf8')), threads, spot);
      found.push(String(where));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return found;
}

it('looks on the spot once the directory is open', { skip }, async () => {
  // The machine may be busy: no more than two looks in a row count, however long they take.
  assert.deepEqual((await looks(0)).slice(0, 3), ['in another thread', 'on the spot', 'on the spot']);
});

it('lets other threads look again where two looks in a row have waited', { skip }, async () => {
  assert.deepEqual(await looks(20), ['in another thread', 'on the spot', 'on the spot', 'in another thread']);
});
