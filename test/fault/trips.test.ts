/** How many trips to another thread a small awaited write takes, once its directory is open: their number is its speed. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync as plainWrite } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { readSyncData } from '#untorn/contract/data.js';
import { newLockedOperation, newOperation } from '#untorn/files/operation.js';
import { readOptions } from '#untorn/files/settings.js';
import { updateTarget } from '#untorn/replace/locked.js';
import { replaceFile } from '#untorn/replace/replace-file.js';
import { Turn } from '#untorn/order/turn.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { environment } from '#untorn/system/environment.js';
import { givenPath } from '#untorn/system/paths.js';
import type { Steps } from '#untorn/system/port.js';
import { systems } from '#untorn/system/systems.js';
import { withoutNative } from '../support/native-part.ts';

/** The calls of the system that steps have asked for: a whole chain is one. */
async function tripsOf(steps: Steps<unknown>): Promise<string[]> {
  const trips: string[] = [];
  const counted = Object.entries(systems().async).map(([name, call]) => [
    name,
    (...args: never[]) => {
      trips.push(name);
      return (call as (...args: never[]) => unknown)(...args);
    },
  ]);
  await runAsync(steps, Object.fromEntries(counted) as ReturnType<typeof systems>['async']);
  return trips;
}

function oldFile(t: TestContext): ReturnType<typeof givenPath> {
  // In memory, as on a disk of this machine: other filesystems take more trips.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'untorn-trips-'));
  t.after(() => rmSync(folder, { recursive: true }));
  plainWrite(join(folder, 'file'), 'old');
  return givenPath(join(folder, 'file'));
}

it('a write takes two trips', { skip: withoutNative }, async (t) => {
  const path = oldFile(t);
  const written = (): Promise<string[]> => {
    const operation = newOperation(path, readOptions({}), environment, false);
    return tripsOf(replaceFile(operation, new Turn(operation), readSyncData('new', 'utf8')));
  };
  await written();
  assert.deepEqual(await written(), ['chain', 'chain']);
});

async function tripsOfUpdate(path: ReturnType<typeof givenPath>): Promise<string[]> {
  const operation = newLockedOperation(path, readOptions({}), environment, false);
  const steps = updateTarget(operation, new Turn(operation), function* (old) {
    return { content: readSyncData(`${String(old)}!`, 'utf8') };
  });
  return tripsOf(steps);
}

it('an update of a file that was just written takes four trips', { skip: withoutNative }, async (t) => {
  const path = oldFile(t);
  await tripsOfUpdate(path);
  // The lock; the new file; the rename; the lock.
  assert.deepEqual(await tripsOfUpdate(path), ['chain', 'chain', 'chain', 'chain']);
});

it('an update of an older file takes eight trips', { skip: withoutNative }, async (t) => {
  const path = oldFile(t);
  await tripsOfUpdate(path);
  utimesSync(path.path, 1, 1);
  // The lock; the content; the new file; the content, still as it was; the rename; the lock.
  const reading = ['chain', 'read'];
  assert.deepEqual(await tripsOfUpdate(path), ['chain', ...reading, 'chain', ...reading, 'chain', 'chain']);
});
