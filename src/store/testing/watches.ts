/** Watches, where the engine has them. */
import { strict as assert } from 'node:assert';
import type { Store, StoreEntry } from '../contract.ts';
import { clearTimeout, setTimeout } from '../../system/index.ts';
import { failureOf, withStore, type Bench, type StoreTest } from './bench.ts';
import { openProxy } from './proxy.ts';

export function watches(bench: Bench): StoreTest[] {
  return [
    withStore(bench, 'a watch gives what is there, and each change', async (store, key) => {
      if (store.watch === undefined) return 'it has no watches';
      const writer = await bench.open();
      const controller = new AbortController();
      try {
        const watch = store.watch(key, { signal: controller.signal })[Symbol.asyncIterator]();
        assert.deepEqual(await next(watch, bench.patience), undefined);
        for (const content of ['first', 'second']) {
          await writer.write(key, content);
          assert.equal(await next(watch, bench.patience), content);
        }
        await writer.remove(key);
        assert.equal(await next(watch, bench.patience), undefined);
        const ended = watch.next();
        controller.abort();
        assert.equal((await failureOf(ended)).name, 'AbortError');
      } finally {
        controller.abort();
        await writer.close();
      }
    }),

    withStore(bench, 'a watch goes on when the connection was lost, and gives the newest', async (store, key) => {
      if (store.watch === undefined) return 'it has no watches';
      if (bench.openThrough === undefined || bench.server === undefined)
        return 'it has no connection that could be cut';
      const proxy = await openProxy(bench.server);
      const controller = new AbortController();
      let cut: Store | undefined;
      try {
        cut = await bench.openThrough(proxy);
        await store.write(key, 'first');
        const watch = cut.watch!(key, { signal: controller.signal })[Symbol.asyncIterator]();
        assert.equal(await next(watch, bench.patience), 'first');
        const coming = next(watch, bench.patience);
        await proxy.set('refuse');
        await store.write(key, 'second');
        await store.write(key, 'third');
        await proxy.set('pass');
        let found = await coming;
        while (found !== 'third') found = await next(watch, bench.patience);
      } finally {
        controller.abort();
        await cut?.close();
        await proxy.close();
      }
    }),
  ];
}

/** The next content that a watch gives, within the time that it has for that. */
async function next(watch: AsyncIterator<StoreEntry>, patience: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new assert.AssertionError({ message: `The watch gave nothing for ${patience} ms` });
    timer = setTimeout(() => reject(error), patience);
  });
  try {
    const { value } = (await Promise.race([watch.next(), late])) as { value: StoreEntry };
    return value.content?.toString();
  } finally {
    clearTimeout(timer);
  }
}
