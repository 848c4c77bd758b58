/** Contents, versions, conditions, keys and sizes. */
import { strict as assert } from 'node:assert';
import { absent } from '../../contract/index.ts';
import { updateJson } from '../update-json.ts';
import { failureOf, failsWith, textAt, withStore, type Bench, type StoreTest } from './bench.ts';

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const other = '1';

export function contents(bench: Bench): StoreTest[] {
  return [
    withStore(bench, 'a key that nobody has written is absent', async (store, key) => {
      assert.deepEqual(await store.read(key), { content: undefined, version: absent });
    }),

    withStore(
      bench,
      'a content is read as it was written, with its version, also by another client',
      async (store, key) => {
        const reader = await bench.open();
        try {
          for (const content of [everyByte, Buffer.alloc(0), Buffer.from('text')]) {
            const { version, durable } = await store.write(key, content);
            assert.deepEqual(await reader.read(key), { content, version });
            assert.equal(durable, store.durable);
            assert.notEqual(version, absent);
          }
        } finally {
          await reader.close();
        }
      },
    ),

    withStore(bench, 'a key is created once, and replaced in the expected version only', async (store, key) => {
      const first = await store.write(key, 'first', { ifMatch: absent });
      await failsWith(store.write(key, 'second', { ifMatch: absent }), 'ERR_VERSION_CONFLICT');
      const second = await store.write(key, 'second', { ifMatch: first.version });
      assert.notEqual(second.version, first.version);
      await failsWith(store.write(key, 'third', { ifMatch: first.version }), 'ERR_VERSION_CONFLICT');
      await failsWith(store.write(key, 'third', { ifMatch: other }), 'ERR_VERSION_CONFLICT');
      assert.equal(await textAt(store, key), 'second');
    }),

    withStore(bench, 'different contents have different versions', async (store, key) => {
      const versions = new Set<string>();
      for (let turn = 0; turn < 6; turn++) versions.add((await store.write(key, `content ${turn}`)).version);
      assert.equal(versions.size, 6);
    }),

    withStore(bench, 'a version of what was removed does not match what is there later', async (store, key) => {
      const { version } = await store.write(key, 'first');
      await store.remove(key);
      assert.deepEqual(await store.read(key), { content: undefined, version: absent });
      await failsWith(store.write(key, 'second', { ifMatch: version }), 'ERR_VERSION_CONFLICT');
      await store.write(key, 'third', { ifMatch: absent });
      await failsWith(store.write(key, 'second', { ifMatch: version }), 'ERR_VERSION_CONFLICT');
      assert.equal(await textAt(store, key), 'third');
    }),

    withStore(
      bench,
      'nothing is removed twice, and what has changed is not removed on a condition',
      async (store, key) => {
        assert.notEqual(await store.remove(key), true);
        const { version } = await store.write(key, 'first');
        const { version: later } = await store.write(key, 'second');
        const error = await failureOf(store.remove(key, { ifMatch: version }));
        assert.equal(await textAt(store, key), 'second');
        assert.equal(error.outcome, 'old');
        if (error.code === 'ERR_UNTORN_UNSUPPORTED') return 'it removes nothing on a condition, and says so';
        assert.equal(error.code, 'ERR_VERSION_CONFLICT');
        assert.notEqual(await store.remove(key, { ifMatch: later }), false);
        assert.equal(await textAt(store, key), undefined);
      },
    ),

    withStore(bench, 'keys that look alike have contents of their own', async (store, key) => {
      const keys = [
        'a',
        'A',
        'a/b',
        'a%2fb',
        'ä',
        'a b',
        'a+b',
        "it's (a) test!*",
        '.hidden',
        'dot.',
        'con',
        '日本/🙂',
      ].map((name) => `${key}-${name}`);
      for (const one of keys) await store.write(one, one);
      for (const one of keys) assert.equal(await textAt(store, one), one);
    }),

    withStore(bench, 'a key or a content that is none is refused', async (store, key) => {
      for (const wrong of ['', '/', 'a/', '/a', 'a//b', '.', 'a/../b', 'a\0b', 'a\nb', '\ud800', 'x'.repeat(513)])
        await assert.rejects(store.write(wrong, 'content'), { name: 'TypeError' });
      for (const wrong of [undefined, null, 1, {}, ['text']])
        await assert.rejects(store.write(key, wrong as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
      await assert.rejects(store.write(key, 'text', { ifMatch: 1 as never }), { name: 'TypeError' });
      assert.equal(await textAt(store, key), undefined);
    }),

    withStore(
      bench,
      'a content that is too large is refused before it is sent, and the largest one is not',
      async (store, key) => {
        // What is larger than this takes its time, and no engine is different there.
        const largest = Math.min(store.maxBytes, 2 ** 20);
        const content = Buffer.alloc(largest, 'large ');
        await store.write(key, content);
        assert.ok((await store.read(key)).content?.equals(content));
        await failsWith(store.write(key, Buffer.alloc(store.maxBytes + 1)), 'ERR_UNTORN_TOO_LARGE');
        assert.ok((await store.read(key)).content?.equals(content));
      },
    ),

    withStore(bench, 'an update of JSON keeps what it does not change', async (store, key) => {
      await store.write(key, '{\n  "id": 1161888007138312192,\n  "count": 1\n}\n');
      await updateJson<{ count: number }>(store, key, (value) => ({ ...value!, count: value!.count + 1 }));
      assert.equal(await textAt(store, key), '{\n  "id": 1161888007138312192,\n  "count": 2\n}\n');
    }),

    withStore(bench, 'a call that is aborted before it begins changes nothing', async (store, key) => {
      await failsWith(store.write(key, 'text', { signal: AbortSignal.abort() }), 'ABORT_ERR');
      assert.equal(await textAt(store, key), undefined);
    }),
  ];
}
