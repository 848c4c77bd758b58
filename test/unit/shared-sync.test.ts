import assert from 'node:assert/strict';
import { it } from 'node:test';
import { syncTogether, type SyncedTogether } from '#untorn/files/shared-sync.js';
import { runAsync } from '#untorn/system/async-driver.js';
import { wait, type Steps } from '#untorn/system/port.js';

/** Callers of one sync, in three groups: the last group comes when all syncs of the others have ended. */
async function outcomes(failing: number): Promise<string[]> {
  const shared: SyncedTogether = { syncing: undefined, next: undefined };
  let syncs = 0;
  function* sync(): Steps<true> {
    const number = ++syncs;
    yield* wait<void>((wake) => void setImmediate(wake));
    if (number === failing) throw new Error(`sync ${number}`);
    return true;
  }
  const call = (): Promise<string> =>
    runAsync(syncTogether(shared, sync)).then(String, (error: unknown) => (error as Error).message);
  const ended = await Promise.all([call(), call(), call()]);
  return [...ended, await call()];
}

it('one sync serves all that came before it began', async () => {
  assert.deepEqual(await outcomes(0), ['true', 'true', 'true', 'true']);
});

it('a failed sync fails for those that came before it ended: the kernel does not report it again (G3)', async () => {
  assert.deepEqual(await outcomes(1), ['sync 1', 'sync 1', 'sync 1', 'true']);
  assert.deepEqual(await outcomes(2), ['true', 'sync 2', 'sync 2', 'true']);
});
