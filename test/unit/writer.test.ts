import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { createWriter, writeFile, writeFileSync, WriteError } from 'untorn';
import { ask } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';
import { replacing } from '../support/replacing.ts';

/** Longer than any test. */
const never = 0x7fffffff;

const turnsOfTheLoop = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

const bang = (): never => {
  throw new RangeError('bang');
};

describe('createWriter()', () => {
  const here = scratch();

  it('writes the first and the newest of a thousand values that nobody awaits', async () => {
    const writer = createWriter<{ count: number }>(here.at('file'));
    let made = 0;
    const promises = Array.from({ length: 1000 }, (_, count) => writer.write(() => (made++, { count })));
    await Promise.all(promises);
    assert.deepEqual(
      [here.text('file'), here.names(), made, new Set(promises).size],
      ['{"count":999}\n', ['file'], 2, 2],
    );
  });

  it('resolves no promise before its value or a newer one is in place (G4, G7)', async () => {
    const writer = createWriter<number>(here.at('file'));
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const { durable } = await writer.write(index);
        assert.ok(Number(here.text('file')) >= index);
        assert.notEqual(durable, false);
      }),
    );
  });

  it('makes text of a value when its turn comes', async () => {
    const writer = createWriter(here.at('file'));
    const state = { count: 1 };
    const first = writer.write(state);
    const second = writer.write(state);
    state.count = 2;
    await first;
    assert.notEqual(first, second);
    state.count = 3;
    await second;
    assert.match(here.text('file'), /"count":[23]/);
  });

  it('writes strings and bytes as they are, and all else as JSON in the layout of the file', async () => {
    const writer = createWriter(here.at('file'));
    for (const [value, text] of [
      ['text', 'text'],
      [Buffer.from('bytes'), 'bytes'],
      [new Uint16Array([0x4241]), 'AB'],
      [new Uint8Array([65]).buffer, 'A'],
      [['a', 'b'], '["a","b"]'],
      [null, 'null'],
      [1, '1'],
      [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ] as const) {
      await writer.write(value);
      assert.equal(here.text('file').trimEnd(), text);
    }
    plainWrite(here.at('other'), '{\n\t"a": 1\n}');
    await createWriter(here.at('other')).write({ b: [] });
    assert.equal(here.text('other'), '{\n\t"b": []\n}');
    await createWriter(here.at('other'), { indent: 1 }).write({ c: 1 });
    assert.equal(here.text('other'), '{\n "c": 1\n}\n');
  });

  it('writes what `serialize` makes, with the options of every write', async () => {
    const writer = createWriter<Map<string, number>>(here.at('a/file'), {
      serialize: (map) => [...map].join(';'),
      makeParents: true,
      encoding: 'utf16le',
      backup: 'simple',
      durability: 'off',
    });
    await writer.write(new Map([['ä', 1]]));
    const { backupPath, durable } = await writer.write(
      () =>
        new Map([
          ['b', 2],
          ['c', 3],
        ]),
    );
    assert.equal(here.text('a/file'), Buffer.from('b,2;c,3', 'utf16le').toString());
    assert.deepEqual([backupPath, durable], [here.at('a/file~'), false]);
    // @ts-expect-error a number is no text
    await assert.rejects(createWriter(here.at('file'), { serialize: () => 1 }).write(1), {
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
    });
  });

  it('rejects with what the serialiser threw; the old content stays, and later values get their turn', async () => {
    const writer = createWriter(here.at('file'));
    await writer.write('old');
    await assert.rejects(writer.write(bang), { name: 'RangeError', message: 'bang' });
    await assert.rejects(writer.write({ big: 1n }), {
      name: 'TypeError',
      message: '"value.big" is a BigInt, which JSON cannot hold',
    });
    await assert.rejects(
      writer.write(async () => 1),
      {
        name: 'TypeError',
        code: 'ERR_INVALID_RETURN_VALUE',
        message: 'The function passed to write() returned a promise',
      },
    );
    await assert.rejects(writer.write(undefined), TypeError);
    assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    await assert.rejects(writer.flush(), TypeError);
    assert.throws(() => writer.flushSync(), TypeError);
    const [running, refused] = [writer.write('running'), writer.write(bang)];
    const results = await Promise.allSettled([running, refused]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
    assert.equal(here.text('file'), 'running');
    await Promise.all([writer.write('last'), writer.flush()]);
    assert.equal(here.text('file'), 'last');
    writer.flushSync();
  });

  it('rejects the promises of values that a value overtook which could not be written', async () => {
    const writer = createWriter(here.at('file'), { delay: never });
    const [first, second] = [writer.write(1), writer.write(bang)];
    await assert.rejects(writer.flush(), { message: 'bang' });
    await assert.rejects(first, { message: 'bang' });
    await assert.rejects(second, { message: 'bang' });
    assert.deepEqual(here.names(), []);
  });

  it('rejects where a write fails, and goes on with the newer value', async () => {
    const errors: unknown[] = [];
    const writer = createWriter(here.at('folder/file'), { onError: (error) => errors.push(error) });
    const failing = writer.write(1);
    await assert.rejects(
      failing,
      (error) => WriteError.isWriteError(error) && error.code === 'ENOENT' && error.outcome === 'old',
    );
    await assert.rejects(writer.flush(), { code: 'ENOENT' });
    assert.throws(() => writer.flushSync(), { code: 'ENOENT' });
    assert.deepEqual(
      errors.map((error) => (error as WriteError).code),
      ['ENOENT'],
    );
    const [again, newer] = [
      writer.write(2),
      writer.write(() => (mkdirSync(here.at('folder'), { recursive: true }), 3)),
    ];
    await assert.rejects(again, { code: 'ENOENT' });
    // The directory is looked for before the value is made.
    await assert.rejects(newer, { code: 'ENOENT' });
    mkdirSync(here.at('folder'));
    await writer.write(4);
    await writer.flush();
    assert.deepEqual([here.text('folder/file'), errors.length], ['4\n', 3]);
  });

  it('collects values for a time that later ones do not prolong', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const writer = createWriter<number>(here.at('file'), { delay: 100 });
    for (let round = 0; round < 3; round++) {
      const first = writer.write(1);
      t.mock.timers.tick(60);
      assert.equal(writer.write(2), first);
      t.mock.timers.tick(39);
      assert.equal(writer.write(3 + round), first);
      t.mock.timers.tick(1);
      assert.notEqual(writer.write(9), first, 'it is being written');
      await first;
      assert.equal(here.text('file'), `${3 + round}\n`);
      await writer.flush();
      assert.equal(here.text('file'), '9\n');
    }
  });

  it('does not wait for the end of that time in flush() and close()', async () => {
    const writer = createWriter<number>(here.at('file'), { delay: never });
    const promises = Array.from({ length: 10 }, (_, count) => writer.write(count));
    assert.deepEqual(here.names(), []);
    await writer.flush();
    assert.equal(here.text('file'), '9\n');
    assert.equal(new Set(promises).size, 1);
    assert.equal((await promises[0])?.bytes, 2);
    await writer.flush();
    const last = writer.write(10);
    await writer.close();
    await last;
    assert.equal(here.text('file'), '10\n');
  });

  it('waits for a write that is under way in flush()', async () => {
    const writer = createWriter<number>(here.at('file'));
    void writer.write(1);
    await writer.flush();
    assert.equal(here.text('file'), '1\n');
    void writer.write(2);
    void writer.write(3);
    await writer.flush();
    assert.equal(here.text('file'), '3\n');
  });

  it('puts the newest value in place at once in flushSync(), at any step of an earlier one', async () => {
    const writer = createWriter<string>(here.at('file'));
    for (let turns = 0; turns < 60; turns++) {
      const calls = [writer.write(`first ${turns}`)];
      await turnsOfTheLoop(turns);
      if (turns % 2 === 0) calls.push(writer.write(`second ${turns}`));
      writer.flushSync();
      const newest = `${turns % 2 === 0 ? 'second' : 'first'} ${turns}`;
      assert.equal(here.text('file'), newest);
      await Promise.all(calls);
      assert.deepEqual([here.text('file'), here.names()], [newest, ['file']]);
    }
  });

  it('keeps the backup of what was there before a write that flushSync() overtook', async () => {
    for (let turns = 0; turns < 40; turns++) {
      const writer = createWriter<string>(here.at('file'), { backup: 'simple' });
      writeFileSync(here.at('file'), 'before');
      const written = writer.write('new');
      await turnsOfTheLoop(turns);
      writer.flushSync();
      await written;
      assert.deepEqual([here.text('file'), here.text('file~'), here.names()], ['new', 'before', ['file', 'file~']]);
    }
  });

  it('has the place of write() in the order of all writes of the process (G7)', async () => {
    const writer = createWriter<string>(here.at('file'), { delay: never });
    for (const flush of [() => writer.flush(), async () => writer.flushSync()]) {
      const older = writer.write('older');
      writeFileSync(here.at('file'), 'newer');
      await flush();
      assert.deepEqual([here.text('file'), (await older).superseded], ['newer', true]);
      const waiting = writer.write('waiting');
      await writeFile(here.at('file'), 'newer still');
      await flush();
      assert.deepEqual([here.text('file'), (await waiting).superseded], ['newer still', true]);
      await Promise.all([writeFile(here.at('file'), 'before'), writer.write('after'), flush()]);
      assert.equal(here.text('file'), 'after');
    }
  });

  it('leaves a newer write that is under way in place in flushSync() (G7)', async () => {
    for (const durability of ['full', 'off'] as const) {
      const writer = createWriter<string>(here.at('file'), { delay: never, durability });
      for (let turns = 0; turns < 60; turns++) {
        const older = writer.write('older');
        const newer = writeFile(here.at('file'), `newer ${turns}`, { durability });
        await turnsOfTheLoop(turns);
        writer.flushSync();
        await Promise.all([older, newer]);
        assert.deepEqual([here.text('file'), here.names()], [`newer ${turns}`, ['file']]);
      }
    }
  });

  it('is closed by the end of a block, and refuses values then', async () => {
    let kept;
    {
      await using writer = createWriter(here.at('file'), { delay: never });
      void writer.write(1);
      kept = writer;
    }
    assert.equal(here.text('file'), '1\n');
    await assert.rejects(kept.write(2), {
      name: 'TypeError',
      code: 'ERR_INVALID_STATE',
      message: `The writer of "${here.at('file')}" is closed`,
    });
    await kept.flush();
    kept.flushSync();
    await kept.close();
    assert.equal(here.text('file'), '1\n');
  });

  it('rejects close() if the newest value is not in place, and is closed all the same', async () => {
    const writer = createWriter(here.at('missing/file'), { onError: () => undefined });
    void writer.write(1);
    await assert.rejects(writer.close(), { code: 'ENOENT' });
    await assert.rejects(writer.write(2), { code: 'ERR_INVALID_STATE' });
  });

  it('refuses wrong arguments', () => {
    for (const [options, message] of [
      [{ delay: -1 }, /"options.delay"/],
      [{ delay: '1' }, /"options.delay"/],
      [{ delay: Number.NaN }, /"options.delay"/],
      [{ serialize: 1 }, /"options.serialize"/],
      [{ onError: {} }, /"options.onError"/],
      [{ indent: 'x' }, /"options.indent"/],
      [{ overwrite: false }, /"options.overwrite"/],
      [{ flag: 'wx' }, /"options.overwrite"/],
      [{ throttle: 1 }, /"options.throttle" is not an option/],
      [{ durability: 'some' }, /"options.durability"/],
    ] as [object, RegExp][])
      assert.throws(() => createWriter(here.at('file'), options), { message });
    assert.throws(() => createWriter(1 as never), { name: 'TypeError' });
  });

  it('holds one waiting value, however many it is given', async () => {
    const { text, used } = await ask<{ text: string; used: number }>(
      `
      import { readFileSync } from 'node:fs';
      import { createWriter } from 'untorn';
      const writer = createWriter(process.argv[1]);
      gc();
      const before = process.memoryUsage().heapUsed;
      for (let count = 0; count < 1_000_000; count++) writer.write({ count, ballast: Array(20).fill(count) });
      gc();
      const used = process.memoryUsage().heapUsed - before;
      await writer.flush();
      console.log(JSON.stringify({ text: readFileSync(process.argv[1], 'utf8'), used }));
    `,
      [here.at('file')],
      { flags: ['--expose-gc', '--max-old-space-size=64'] },
    );
    assert.match(text, /^\{"count":999999,/);
    assert.ok(used < 4 << 20, `${used} bytes are held`);
  });

  it('costs one write for a thousand values with a delay, and two without', async () => {
    const counts = await ask<number[]>(
      `
      ${replacing}
      let renames = 0;
      const { rename } = fs;
      fs.rename = (...args) => (renames++, rename(...args));
      syncBuiltinESMExports();
      const { createWriter } = await import('untorn');
      const counts = [];
      for (const delay of [50, 0]) {
        const writer = createWriter(process.argv[1], { delay });
        for (let count = 0; count < 1000; count++) writer.write(count);
        await writer.write('last');
        counts.push(renames);
      }
      console.log(JSON.stringify(counts));
    `,
      [here.at('file')],
    );
    assert.deepEqual(counts, [1, 3]);
  });
});
