/** Lost answers: the outcome is unknown, and nothing is sent twice. */
import { strict as assert } from 'node:assert';
import { absent } from '../../contract/index.ts';
import type { Store } from '../contract.ts';
import { updateBytes } from '../update.ts';
import { createWriter } from '../writer.ts';
import { failureOf, textAt, type Bench, type StoreTest } from './bench.ts';
import { openProxy, type Proxy } from './proxy.ts';

export function outcomes(bench: Bench): StoreTest[] {
  return [
    through(
      bench,
      'a write whose answer is lost has an unknown outcome, and was sent once',
      async (proxy, cut, store) => {
        const key = bench.key();
        await cut.write(key, 'first', { ifMatch: absent });
        await proxy.set('drop');
        const error = await failureOf(cut.write(key, 'second'));
        assert.deepEqual([error.outcome, proxy.dropped], ['unknown', 1], error.message);
        await proxy.set('pass');
        // It took place, or takes place later: it was sent.
        await until(async () => (await textAt(store, key)) === 'second');
      },
    ),

    through(bench, 'an update whose answer is lost ends, and takes place at most once', async (proxy, cut, store) => {
      const key = bench.key();
      await cut.write(key, '-');
      let calls = 0;
      const update = updateBytes(
        cut,
        key,
        async (old = '') => {
          calls++;
          await proxy.set('drop');
          return `${old}x`;
        },
        'utf8',
      );
      const error = await failureOf(update);
      assert.deepEqual([error.outcome, calls, proxy.dropped], ['unknown', 1, 1], error.message);
      await proxy.set('pass');
      await until(async () => (await textAt(store, key)) === '-x');
    }),

    through(bench, 'increments are neither lost nor doubled while answers get lost', async (proxy, cut, store) => {
      const key = bench.key();
      let acknowledged = 0;
      let unknown = 0;
      for (let turn = 0; turn < 12; turn++) {
        try {
          const increment = async (old = '0'): Promise<string> => {
            if (turn % 3 === 1) await proxy.set('drop');
            return String(Number(old) + 1);
          };
          await updateBytes(cut, key, increment, 'utf8');
          acknowledged++;
        } catch (error) {
          assert.equal((error as { outcome?: unknown }).outcome, 'unknown', (error as Error).message);
          unknown++;
        }
        await proxy.set('pass');
      }
      assert.deepEqual([acknowledged, unknown], [8, 4]);
      const count = Number(await textAt(store, key));
      assert.ok(count >= acknowledged && count <= acknowledged + unknown, `${count}`);
    }),

    through(bench, 'a writer goes on after a lost answer, and the newest value is there', async (proxy, cut, store) => {
      const key = bench.key();
      const errors: unknown[] = [];
      const writer = createWriter<string>(cut, key, { onError: (error) => errors.push(error) });
      await writer.write('1');
      await proxy.set('drop');
      const error = await failureOf(writer.write('2'));
      assert.deepEqual([error.outcome, errors], ['unknown', [error]], error.message);
      await proxy.set('pass');
      await writer.write('3');
      await writer.close();
      assert.equal(await textAt(store, key), '3');
    }),

    through(bench, 'a server that cannot be reached has changed nothing', async (proxy, cut, store) => {
      const key = bench.key();
      await cut.write(key, 'first');
      await proxy.set('refuse');
      // The first may find a connection that has just been cut.
      await failureOf(cut.write(key, 'first'));
      const error = await failureOf(cut.write(key, 'second'));
      assert.equal(error.outcome, 'old', error.message);
      await proxy.set('pass');
      assert.equal(await textAt(store, key), 'first');
    }),
  ];
}

/** A test with a client behind a proxy, and one that is not. */
function through(
  { open, openThrough, server }: Bench,
  name: string,
  test: (proxy: Proxy, cut: Store, store: Store) => Promise<void>,
): StoreTest {
  return {
    name,
    async run() {
      if (openThrough === undefined || server === undefined) return 'it has no connection that could be cut';
      const proxy = await openProxy(server);
      const opened: Store[] = [];
      try {
        opened.push(await open(), await openThrough(proxy));
        await test(proxy, opened[1]!, opened[0]!);
        return undefined;
      } finally {
        await Promise.all(opened.map(async (store) => store.close()));
        await proxy.close();
      }
    },
  };
}

/** A request that has arrived takes effect some time. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) if (await isSo()) return;
  assert.fail('It has not taken place');
}
