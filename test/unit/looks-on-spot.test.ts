/** Names in an open directory are looked at on the spot, as long as that does not keep the program waiting. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statfsSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { readSyncData, type Content } from '#untorn/contract/data.js';
import { readOptions } from '#untorn/files/settings.js';
import { newLockedOperation, newOperation } from '#untorn/files/operation.js';
import { Turn } from '#untorn/order/turn.js';
import { updateTarget } from '#untorn/replace/locked.js';
import { replaceFile } from '#untorn/replace/replace-file.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { environment } from '#untorn/system/environment.js';
import { O_NOFOLLOW, O_READ } from '#untorn/system/flags.js';
import { givenPath } from '#untorn/system/paths.js';
import { nothing, type Steps } from '#untorn/system/port.js';
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

const none = 1_000_000_000;

/** Where an update reads a file of a size that was written some seconds ago. */
async function reads({
  size,
  age,
  descriptors = none,
}: {
  size: number;
  age: number;
  descriptors?: number;
}): Promise<Set<string>> {
  const folder = mkdtempSync(join(tmpdir(), 'untorn-looks-'));
  const path = join(folder, 'file');
  writeFileSync(path, Buffer.alloc(size, 'a'));
  const time = Date.now() / 1000 - age;
  utimesSync(path, time, time);
  const where = new Set<string>();
  let opened = 0;
  const spot = {
    ...syncSystem,
    open: (...args: Parameters<typeof syncSystem.open>): number => {
      if (args[1] === (O_READ | O_NOFOLLOW) && ++opened > descriptors)
        throw Object.assign(new Error('none left'), { code: 'EMFILE' });
      return syncSystem.open(...args);
    },
    read: (...args: Parameters<typeof syncSystem.read>): number => {
      where.add('on the spot');
      return syncSystem.read(...args);
    },
  };
  const threads = {
    ...asyncSystem,
    read: (...args: Parameters<typeof asyncSystem.read>): void => {
      where.add('in another thread');
      asyncSystem.read(...args);
    },
  };
  try {
    const settings = readOptions({ durability: 'off' });
    const operation = newLockedOperation(givenPath(path), settings, environment, false);
    function* change(old: Buffer | undefined): Steps<{ content: Content }> {
      yield* nothing();
      assert.equal(old?.length, size);
      return { content: readSyncData('new', 'utf8') };
    }
    await runAsync(updateTarget(operation, new Turn(operation), change), threads, spot);
    assert.equal(readFileSync(path, 'utf8'), 'new');
  } finally {
    rmSync(folder, { recursive: true });
  }
  return where;
}

it('reads a little file here that was just written', { skip }, async () => {
  assert.deepEqual(await reads({ size: 1024, age: 0 }), new Set(['on the spot']));
});

it('lets other threads read a file that is old, or large', { skip }, async () => {
  for (const file of [
    { size: 1024, age: 60 },
    { size: 100_000, age: 0 },
    { size: 1024, age: -60 },
  ])
    assert.ok((await reads(file)).has('in another thread'), JSON.stringify(file));
});

it('lets other threads read where no descriptor is left here', { skip }, async () => {
  assert.ok((await reads({ size: 1024, age: 0, descriptors: 0 })).has('in another thread'));
});
