/** Writers and updates of a store. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createWriter, storeOn, unchanged, updateBytes, updateJson, WriteError, type Engine } from 'untorn/store';
import { memory } from './memory.ts';

/** A store whose writes fail as the test says, before or after they took place. */
async function failing(): Promise<{
  store: ReturnType<typeof storeOn>;
  fail: { error?: unknown; late?: boolean };
  writes: string[];
}> {
  const inner = await memory()();
  const fail: { error?: unknown; late?: boolean } = {};
  const writes: string[] = [];
  const engine: Engine = {
    address: 'memory:',
    durable: 'memory',
    maxBytes: 1000,
    read: (key) => inner.read(key),
    async write(key, content, ifMatch) {
      writes.push(Buffer.from(content).toString());
      const { error } = fail;
      if (error !== undefined && fail.late !== true) throw error;
      try {
        const result = await inner.write(key, content, { ifMatch });
        if (error !== undefined) throw error;
        return result;
      } catch (failure) {
        if (WriteError.isWriteError(failure)) return { conflict: failure.currentVersion };
        throw failure;
      }
    },
    remove: async () => ({ removed: undefined }),
  };
  return { store: storeOn(engine), fail, writes };
}

const text = async (store: { read(key: string): Promise<{ content: Buffer | undefined }> }): Promise<string> =>
  String((await store.read('key')).content);

describe('createWriter() of a store', () => {
  it('writes the newest of its values only', async () => {
    const { store, writes } = await failing();
    const writer = createWriter<{ count: number }>(store, 'key');
    const promises = Array.from({ length: 100 }, (_, count) => writer.write({ count }));
    const results = await Promise.all(promises);
    assert.deepEqual(writes, ['{"count":0}\n', '{"count":99}\n']);
    assert.equal(results.at(-1)?.version, (await store.read('key')).version);
  });

  it('replaces what others wrote', async () => {
    const { store } = await failing();
    const writer = createWriter<string>(store, 'key');
    await writer.write('mine');
    await store.write('key', 'theirs');
    await writer.write('mine again');
    assert.equal(await text(store), 'mine again');
  });

  it('collects values for its delay, and does not at a flush', async () => {
    const { store, writes } = await failing();
    const writer = createWriter<string>(store, 'key', { delay: 1_000_000 });
    const first = writer.write('1');
    const second = writer.write('2');
    assert.equal(first, second);
    await writer.flush();
    assert.deepEqual(writes, ['2']);
    await writer.close();
    await assert.rejects(writer.write('3'), { code: 'ERR_INVALID_STATE' });
  });

  it('tells a failure once to each who waits, and goes on', async () => {
    const { store, fail } = await failing();
    const errors: unknown[] = [];
    const writer = createWriter<string>(store, 'key', { onError: (error) => errors.push(error) });
    fail.error = new Error('lost');
    fail.late = true;
    const error: unknown = await writer.write('1').catch((one: unknown) => one);
    assert.ok(WriteError.isWriteError(error));
    assert.deepEqual([error.outcome, errors.length], ['unknown', 1]);
    await assert.rejects(writer.flush(), error);
    delete fail.error;
    await writer.write('2');
    await writer.flush();
    assert.equal(await text(store), '2');
  });

  it('is not harmed by a serializer that fails, and refuses a promise', async () => {
    const { store } = await failing();
    const writer = createWriter<number>(store, 'key', {
      serialize: (value) => {
        if (value === 1) throw new Error('not one');
        return String(value);
      },
    });
    await assert.rejects(writer.write(1), { message: 'not one' });
    await writer.write(2);
    assert.equal(await text(store), '2');
    const later = createWriter<unknown>(store, 'key');
    await assert.rejects(
      later.write(() => Promise.resolve(3)),
      { code: 'ERR_INVALID_RETURN_VALUE' },
    );
  });

  it('refuses wrong arguments', async () => {
    const { store } = await failing();
    for (const wrong of [
      () => createWriter('file' as never, 'key'),
      () => createWriter(store, ''),
      () => createWriter(store, 'key', { onError: 1 as never }),
      () => createWriter(store, 'key', { delay: -1 }),
      () => createWriter(store, 'key', { dealy: 1 } as never),
    ])
      assert.throws(wrong, (error) => error instanceof TypeError || error instanceof RangeError);
  });
});

describe('updates of a store', () => {
  it('begin again after a conflict, with what is there then', async () => {
    const { store } = await failing();
    await store.write('key', '1');
    const seen: unknown[] = [];
    const update = async (old: string | undefined): Promise<string> => {
      seen.push(old);
      if (seen.length === 1) await store.write('key', '5');
      return `${old}+`;
    };
    const result = await updateBytes(store, 'key', update, 'utf8');
    assert.deepEqual([seen, await text(store)], [['1', '5'], '5+']);
    assert.equal(result.version, (await store.read('key')).version);
  });

  it('give up after their time, with the conflict', async () => {
    const { store } = await failing();
    let count = 0;
    const update = async (): Promise<string> => {
      await store.write('key', `other ${++count}`);
      return 'mine';
    };
    await assert.rejects(updateBytes(store, 'key', update, { timeout: 0 }), {
      code: 'ERR_VERSION_CONFLICT',
      outcome: 'old',
    });
    assert.equal(await text(store), 'other 1');
  });

  it('end at an unknown outcome, and at an error of their function', async () => {
    const { store, fail, writes } = await failing();
    fail.error = new Error('lost');
    fail.late = true;
    await assert.rejects(
      updateBytes(store, 'key', () => 'x'),
      { outcome: 'unknown', code: 'ERR_UNTORN_UNEXPECTED' },
    );
    assert.equal(writes.length, 1);
    const own = new Error('own');
    const throws = (): never => {
      throw own;
    };
    await assert.rejects(updateBytes(store, 'key', throws), own);
    await assert.rejects(
      updateBytes(store, 'key', () => undefined as never),
      { code: 'ERR_INVALID_RETURN_VALUE' },
    );
    assert.equal(writes.length, 1);
  });

  it('leave what is unchanged', async () => {
    const { store, writes } = await failing();
    await store.write('key', '[1]');
    const result = await updateJson<number[]>(store, 'key', () => unchanged);
    assert.deepEqual([result.unchanged, result.value, writes.length], [true, [1], 1]);
  });

  it('of JSON take an initial value, and never a damaged one for a missing one', async () => {
    const { store } = await failing();
    const increment = ({ count }: { count: number }): { count: number } => ({ count: count + 1 });
    const { value } = await updateJson(store, 'key', increment, { initial: { count: 0 } });
    assert.deepEqual([value, await text(store)], [{ count: 1 }, '{"count":1}\n']);
    await store.write('key', '{"count":');
    await assert.rejects(updateJson(store, 'key', increment, { initial: { count: 0 } }), {
      code: 'ERR_UNTORN_JSON_SYNTAX',
    });
    await store.write('key', '{"count":1,"count":2}');
    await assert.rejects(updateJson(store, 'key', increment, { initial: { count: 0 } }), {
      code: 'ERR_UNTORN_JSON_DUPLICATE_KEY',
    });
    assert.equal(await text(store), '{"count":1,"count":2}');
  });

  it('of JSON validate what is read and what is written', async () => {
    const { store } = await failing();
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: async (value: unknown) =>
          typeof value === 'number' ? { value } : { issues: [{ message: 'not a number' }] },
        types: undefined as { input: number; output: number } | undefined,
      },
    };
    await updateJson(store, 'key', (value) => value + 1, { schema, initial: 1 });
    assert.equal(await text(store), '2\n');
    await assert.rejects(
      updateJson(store, 'key', () => 'text' as never, { schema, initial: 1 }),
      { code: 'ERR_UNTORN_JSON_SCHEMA' },
    );
    await store.write('key', '"text"');
    await assert.rejects(
      updateJson(store, 'key', (value) => value + 1, { schema, initial: 1 }),
      { code: 'ERR_UNTORN_JSON_SCHEMA' },
    );
  });
});
