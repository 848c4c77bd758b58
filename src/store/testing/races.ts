/** Several clients at once: one of them wins, and no update is lost. */
import { strict as assert } from 'node:assert';
import { absent } from '../../contract/index.ts';
import type { Store } from '../contract.ts';
import { isConflict, updateBytes } from '../update.ts';
import { textAt, withClients, type Bench, type StoreTest } from './bench.ts';

export function races(bench: Bench): StoreTest[] {
  const timeout = 3 * bench.patience;
  const turns = Array.from({ length: bench.rounds }, (_, turn) => turn);
  return [
    withClients(bench, 'of several that create a key one wins', async (stores, key) => {
      for (const turn of turns) await race(stores, key(), absent, `creation ${turn}`);
    }),

    withClients(bench, 'of several that replace a version one wins', async (stores, key) => {
      const one = key();
      let { version } = await stores[0]!.write(one, 'start');
      for (const turn of turns) version = await race(stores, one, version, `replacement ${turn}`);
    }),

    withClients(bench, 'no increment is lost', async (stores, key) => {
      const one = key();
      let acknowledged = 0;
      let unknown = 0;
      await Promise.all(
        stores.map(async (store) => {
          for (const _ of turns) {
            try {
              await updateBytes(store, one, (old = '0') => String(Number(old) + 1), { encoding: 'utf8', timeout });
              acknowledged++;
            } catch (error) {
              if ((error as { outcome?: unknown }).outcome !== 'unknown') throw error;
              unknown++;
            }
          }
        }),
      );
      const count = Number(await textAt(stores[0]!, one));
      assert.ok(
        count >= acknowledged && count <= acknowledged + unknown,
        `${count}, but ${acknowledged} were acknowledged and ${unknown} are unknown`,
      );
      assert.ok(acknowledged >= 1, 'None was acknowledged');
    }),
  ];
}

/** The version of the winner, of whom there is one; a loser may not know that it has lost. */
async function race(stores: readonly Store[], key: string, ifMatch: string, what: string): Promise<string> {
  const results = await Promise.allSettled(
    stores.map(async (store, client) => store.write(key, `${what} of ${client}`, { ifMatch })),
  );
  const winners: number[] = [];
  for (const [client, result] of results.entries()) {
    if (result.status === 'fulfilled') winners.push(client);
    else if (!isConflict(result.reason) && (result.reason as { outcome?: unknown }).outcome !== 'unknown')
      throw result.reason;
  }
  const { content, version } = await stores[0]!.read(key);
  assert.ok(winners.length <= 1, `${winners.length} have won the ${what}`);
  for (const winner of winners) assert.equal(content?.toString(), `${what} of ${winner}`);
  assert.ok(content?.toString().startsWith(what), `nobody has won the ${what}`);
  return version;
}
