import assert from 'node:assert/strict';
import { writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  createWriter,
  JsonError,
  readJson,
  readJsonSync,
  readVersioned,
  transaction,
  transactionSync,
  updateJson,
  updateJsonSync,
  writeJson,
  writeJsonSync,
  type BinaryFormat,
  type Format,
  type ReadJsonOptions,
  type Recovery,
  type StandardSchema,
  type UpdateJsonOptions,
  type WriteJsonOptions,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

type Table = Record<string, string>;

/** An error of a parser that says where. */
class LineError extends Error {
  readonly line: number;
  readonly column = 1;

  constructor(line: number, text: string) {
    super(`no "=" in ${text}`);
    this.line = line;
  }
}

/** Lines of `key=value` and of comments; comments and the order of the keys are kept. */
const table: Format<Table> = {
  parse(text) {
    const entries = text
      .split('\n')
      .map((line, index) => {
        if (line === '' || line.startsWith('#')) return [];
        const at = line.indexOf('=');
        if (at === -1) throw new LineError(index + 1, line);
        return [line.slice(0, at), line.slice(at + 1)];
      })
      .filter((entry) => entry.length === 2);
    return Object.fromEntries(entries) as Table;
  },
  stringify(value, previous = '') {
    const left = new Map(Object.entries(value));
    const kept = previous.split('\n').flatMap((line) => {
      const [key = ''] = line.split('=');
      if (line === '' || line.startsWith('#')) return line === '' ? [] : [line];
      const own = left.get(key);
      left.delete(key);
      return own === undefined ? [] : [`${key}=${own}`];
    });
    return [...kept, ...[...left].map(([key, own]) => `${key}=${own}`), ''].join('\n');
  },
};

const gzip: BinaryFormat = {
  binary: true,
  parse: (bytes) => JSON.parse(gunzipSync(bytes).toString()),
  stringify: (value) => gzipSync(JSON.stringify(value)),
};

/** The ways to read, to write and to update. */
const apis = [
  {
    name: 'asynchronously',
    read: (path: string, options: ReadJsonOptions) => readJson(path, options as object),
    write: (path: string, value: unknown, options: WriteJsonOptions) => writeJson(path, value, options),
    update: (path: string, update: (value: unknown) => unknown, options: UpdateJsonOptions) =>
      updateJson(path, update, options),
  },
  {
    name: 'synchronously',
    read: async (path: string, options: ReadJsonOptions) => readJsonSync(path, options as object),
    write: async (path: string, value: unknown, options: WriteJsonOptions) => writeJsonSync(path, value, options),
    update: async (path: string, update: (value: unknown) => unknown, options: UpdateJsonOptions) =>
      updateJsonSync(path, update, options),
  },
] as const;

/** A schema of no library: every value has one letter. */
const letters: StandardSchema<Table> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const wrong = Object.entries(value as Table).find(([, one]) => one.length !== 1);
      return wrong === undefined
        ? { value: value as Table }
        : { issues: [{ message: 'must be a letter', path: [wrong[0]] }] };
    },
  },
};

for (const { name, read, write, update } of apis) {
  describe(`a format, ${name}`, () => {
    const here = scratch();

    it('reads, writes and updates, and gets the text that it replaces', async () => {
      plainWrite(here.at('file'), '# first\nb=2\n# second\na=1\n');
      assert.deepEqual(await read(here.at('file'), { format: table }), { b: '2', a: '1' });
      await write(here.at('file'), { a: '3', c: '4' }, { format: table });
      assert.equal(here.text('file'), '# first\n# second\na=3\nc=4\n');
      const { value } = await update(here.at('file'), (old) => ({ ...(old as Table), b: '5' }), { format: table });
      assert.deepEqual(value, { a: '3', c: '4', b: '5' });
      assert.equal(here.text('file'), '# first\n# second\na=3\nc=4\nb=5\n');
      assert.deepEqual(here.names(), ['file']);
    });

    it('calls the functions as methods', async () => {
      class Joined implements Format<string[]> {
        readonly sign = '+';
        parse(text: string): string[] {
          return text.split(this.sign);
        }
        stringify(value: string[]): string {
          return value.join(this.sign);
        }
      }
      await write(here.at('file'), ['1', '2'], { format: new Joined() });
      assert.equal(here.text('file'), '1+2');
      assert.deepEqual(await read(here.at('file'), { format: new Joined() }), ['1', '2']);
    });

    it('reads and writes bytes', async () => {
      const previous: unknown[] = [];
      const seeing: BinaryFormat = {
        ...gzip,
        stringify(value, old) {
          previous.push(old === undefined ? old : gzip.parse(old));
          return gzip.stringify(value, old);
        },
      };
      await write(here.at('file'), { n: 1 }, { format: seeing });
      await update(here.at('file'), (old) => ({ n: (old as { n: number }).n + 1 }), { format: seeing });
      await write(here.at('file'), { n: 3 }, { format: seeing });
      assert.deepEqual(previous, [undefined, { n: 1 }, { n: 2 }]);
      assert.deepEqual(await read(here.at('file'), { format: gzip }), { n: 3 });
    });

    it('says where a file is damaged, and shows nothing of it', async () => {
      plainWrite(here.at('file'), 'a=1\nsecret\n');
      for (const attempt of [
        () => read(here.at('file'), { format: table }),
        () => update(here.at('file'), () => ({}), { format: table }),
      ])
        await assert.rejects(attempt(), (error: JsonError) => {
          assert.ok(JsonError.isJsonError(error) && error.cause instanceof LineError);
          assert.deepEqual([error.code, error.line, error.column], ['ERR_UNTORN_JSON_SYNTAX', 2, 1]);
          assert.equal(error.message, `"${here.at('file')}" cannot be parsed by its format at line 2, column 1`);
          return true;
        });
      plainWrite(here.at('file'), Buffer.from('a=\xfc\n', 'latin1'));
      await assert.rejects(read(here.at('file'), { format: table }), {
        code: 'ERR_UNTORN_JSON_ENCODING',
        line: 1,
        column: 3,
      });
      plainWrite(here.at('file'), 'no gzip');
      await assert.rejects(read(here.at('file'), { format: gzip }), (error: JsonError) => {
        assert.deepEqual([error.code, error.line], ['ERR_UNTORN_JSON_SYNTAX', undefined]);
        return true;
      });
      assert.equal(here.text('file'), 'no gzip');
    });

    it('reads the newest good backup of a damaged file, and keeps the damaged one beside an update', async () => {
      await write(here.at('file'), { a: '1' }, { format: table });
      await write(here.at('file'), { a: '2' }, { format: table, backup: 'simple' });
      plainWrite(here.at('file'), 'damaged');
      const told: Recovery[] = [];
      const onRecover = (recovery: Recovery): void => void told.push(recovery);
      const options = { format: table, recover: 'backup', onRecover } as const;
      assert.deepEqual(await read(here.at('file'), options), { a: '1' });
      const { recovery } = await update(here.at('file'), (old) => ({ ...(old as Table), b: '3' }), options);
      assert.equal(recovery?.backupPath, here.at('file~'));
      assert.equal(told.length, 2);
      assert.deepEqual([here.text('file'), here.text('file.damaged')], ['a=1\nb=3\n', 'damaged']);
    });

    it('validates by the schema what is read and what a reader would see', async () => {
      const options = { format: table, schema: letters };
      await write(here.at('file'), { a: '1' }, options);
      const refused = { code: 'ERR_UNTORN_JSON_SCHEMA', issues: [{ message: 'must be a letter', path: ['a'] }] };
      await assert.rejects(write(here.at('file'), { a: '10' }, options), refused);
      await assert.rejects(
        update(here.at('file'), () => ({ a: '10' }), options),
        refused,
      );
      assert.equal(here.text('file'), 'a=1\n');
      plainWrite(here.at('file'), 'a=10\n');
      await assert.rejects(read(here.at('file'), options), refused);
      const unreadable: Format = { ...table, stringify: () => 'no table' };
      await assert.rejects(write(here.at('file'), {}, { format: unreadable, schema: letters }), {
        code: 'ERR_UNTORN_JSON_SYNTAX',
        message: `The new value of "${here.at('file')}" cannot be parsed by its format at line 1, column 1; the file is untouched`,
      });
      assert.deepEqual([here.text('file'), here.names()], ['a=10\n', ['file']]);
    });

    it('treats an initial value as if it had been read, and migrates what was read', async () => {
      const initial = { a: '1', b: undefined } as never;
      const first = await read(here.at('none'), { format: { ...table, stringify: () => 'a=1\n' }, initial });
      assert.deepEqual(first, { a: '1' });
      assert.notEqual(first, initial);
      await assert.rejects(read(here.at('none'), { format: table }), { code: 'ENOENT' });
      plainWrite(here.at('file'), 'a=1\n');
      const migrate = (old: unknown): unknown => ({ ...(old as Table), version: '2' });
      assert.deepEqual(await read(here.at('file'), { format: table, migrate }), { a: '1', version: '2' });
    });

    it('passes the errors of stringify on, and touches nothing', async () => {
      plainWrite(here.at('file'), 'a=1\n');
      const own = new RangeError('too much');
      const failing: Format = {
        ...table,
        stringify() {
          throw own;
        },
      };
      const fails = (error: unknown): boolean => error === own;
      await assert.rejects(write(here.at('file'), {}, { format: failing }), fails);
      await assert.rejects(
        update(here.at('file'), () => ({}), { format: failing }),
        fails,
      );
      await assert.rejects(write(here.at('new'), {}, { format: failing, makeParents: true }), fails);
      assert.deepEqual([here.text('file'), here.names()], ['a=1\n', ['file']]);
    });

    for (const [what, stringify, binary] of [
      ['nothing', () => undefined, false],
      ['a promise', async () => Promise.reject(new Error('ignored')), false],
      ['bytes for text', () => Buffer.from('a'), false],
      ['half a surrogate pair', () => 'a=\ud83d', false],
      ['text for bytes', () => 'a', true],
      ['a promise for bytes', async () => Buffer.from('a'), true],
    ] as const)
      it(`refuses ${what} as the result of stringify`, async () => {
        plainWrite(here.at('file'), 'a=1\n');
        const format = { binary, parse: String, stringify } as never as Format;
        const wrong = { name: 'TypeError', code: 'ERR_INVALID_RETURN_VALUE' };
        await assert.rejects(write(here.at('file'), {}, { format }), wrong);
        await assert.rejects(
          update(here.at('file'), () => ({}), { format }),
          wrong,
        );
        assert.deepEqual([here.text('file'), here.names()], ['a=1\n', ['file']]);
      });

    it('refuses a promise of parse', async () => {
      plainWrite(here.at('file'), 'a=1\n');
      const format: Format = { ...table, parse: async () => Promise.reject(new Error('ignored')) };
      for (const options of [{ format }, { format, recover: 'backup' as const }])
        await assert.rejects(read(here.at('file'), options), {
          code: 'ERR_INVALID_RETURN_VALUE',
          message: '"options.format.parse" must return the value, not a promise',
        });
    });

    it('gives no previous text that is not UTF-8, and leaves a byte order mark out', async () => {
      const seen: unknown[] = [];
      const format: Format = {
        ...table,
        stringify(_, previous) {
          seen.push(previous);
          return 'a=1\n';
        },
      };
      plainWrite(here.at('file'), Buffer.from('a=\xfc\n', 'latin1'));
      await write(here.at('file'), {}, { format });
      plainWrite(here.at('file'), '\ufeffa=2\n');
      await write(here.at('file'), {}, { format });
      await write(here.at('new'), {}, { format });
      assert.deepEqual(seen, [undefined, 'a=2\n', undefined]);
    });

    it('refuses wrong formats, and the options of JSON, before anything is touched', async () => {
      plainWrite(here.at('file'), 'a=1\n');
      const wrong = [
        [{ format: null }, 'ERR_INVALID_ARG_TYPE'],
        [{ format: 'yaml' }, 'ERR_INVALID_ARG_TYPE'],
        [{ format: { parse: String } }, 'ERR_INVALID_ARG_TYPE'],
        [{ format: { stringify: String } }, 'ERR_INVALID_ARG_TYPE'],
        [{ format: { ...table, binary: 1 } }, 'ERR_INVALID_ARG_TYPE'],
        [{ format: table, indent: 2 }, 'ERR_INVALID_ARG_VALUE'],
        [{ format: table, replacer: () => 1 }, 'ERR_INVALID_ARG_VALUE'],
      ] as const;
      for (const [options, code] of wrong) {
        await assert.rejects(write(here.at('file'), {}, options as never), { name: 'TypeError', code });
        await assert.rejects(
          update(here.at('file'), () => ({}), options as never),
          { code },
        );
      }
      await assert.rejects(read(here.at('file'), { format: table, reviver: () => 1 }), {
        code: 'ERR_INVALID_ARG_VALUE',
        message: '"options.reviver" is for JSON, and cannot be given with "options.format"',
      });
      for (const name of ['numbers', 'duplicateKeys'] as const)
        await assert.rejects(
          update(here.at('file'), () => ({}), { format: table, [name]: name === 'numbers' ? 'keep' : 'last' }),
          { code: 'ERR_INVALID_ARG_VALUE' },
        );
      assert.equal(here.text('file'), 'a=1\n');
    });

    it('replaces only the version that was read, with ifMatch', async () => {
      plainWrite(here.at('file'), 'a=1\n');
      const { version } = await readVersioned(here.at('file'));
      await write(here.at('file'), { a: '2' }, { format: table, ifMatch: version });
      await assert.rejects(write(here.at('file'), { a: '3' }, { format: table, ifMatch: version }), {
        code: 'ERR_VERSION_CONFLICT',
      });
      assert.equal(here.text('file'), 'a=2\n');
    });
  });
}

describe('a format', () => {
  const here = scratch();

  it('is that of a writer', async () => {
    plainWrite(here.at('file'), '# first\na=1\n');
    const writer = createWriter<Table>(here.at('file'), { format: table });
    for (let count = 0; count < 100; count++) void writer.write({ a: String(count) });
    await writer.flush();
    assert.equal(here.text('file'), '# first\na=99\n');
    void writer.write({ b: '1' });
    writer.flushSync();
    assert.equal(here.text('file'), '# first\nb=1\n');
    const wrong = createWriter(here.at('file'), { format: { ...table, stringify: () => undefined as never } });
    await assert.rejects(wrong.write({}), { code: 'ERR_INVALID_RETURN_VALUE' });
    await assert.rejects(wrong.close(), { code: 'ERR_INVALID_RETURN_VALUE' });
    await writer.close();
    assert.deepEqual([here.text('file'), here.names()], ['# first\nb=1\n', ['file']]);
    for (const options of [{ serialize: String }, { encoding: 'latin1' }, { indent: 2 }])
      assert.throws(() => createWriter(here.at('file'), { format: table, ...(options as object) }), {
        code: 'ERR_INVALID_ARG_VALUE',
      });
  });

  it('is that of files in a transaction', async () => {
    plainWrite(here.at('one'), '# first\na=1\n');
    await transaction(async (tx) => {
      const value = await tx.readJson(here.at('one'), { format: table });
      await tx.writeJson(here.at('one'), { ...value, a: '2' }, { format: table });
      await tx.writeJson(here.at('two'), value, { format: gzip });
      assert.deepEqual(await tx.readJson(here.at('one'), { format: table }), { a: '2' });
    });
    transactionSync((tx) => tx.writeJson(here.at('one'), { a: '3' }, { format: table }));
    assert.equal(here.text('one'), '# first\na=3\n');
    assert.deepEqual(await readJson(here.at('two'), { format: gzip }), { a: '1' });
    await assert.rejects(
      transaction(async (tx) => {
        await tx.writeJson(here.at('two'), {}, { format: gzip });
        await tx.writeJson(here.at('one'), { a: '10' }, { format: table, schema: letters });
      }),
      (error) => JsonError.isJsonError(error) && error.code === 'ERR_UNTORN_JSON_SCHEMA',
    );
    assert.deepEqual(await readJson(here.at('two'), { format: gzip }), { a: '1' });
    assert.deepEqual(here.names(), ['one', 'two']);
  });

  it('has its schema validate asynchronously', async () => {
    const later: typeof letters = {
      '~standard': { ...letters['~standard'], validate: async (value) => letters['~standard'].validate(value) },
    };
    await writeJson(here.at('file'), { a: '1' }, { format: table, schema: later });
    await assert.rejects(writeJson(here.at('file'), { a: '10' }, { format: table, schema: later }), {
      code: 'ERR_UNTORN_JSON_SCHEMA',
    });
    assert.throws(() => writeJsonSync(here.at('file'), { a: '2' }, { format: table, schema: later }), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
    assert.equal(here.text('file'), 'a=1\n');
  });

  it('gives its values their types, or leaves them to the caller or a schema', async () => {
    const untyped: Format = table;
    await writeJson(here.at('file'), { a: '1' }, { format: table });
    const typed: Table = await readJson(here.at('file'), { format: table });
    const claimed = await readJson<Table>(here.at('file'), { format: untyped });
    const validated: Table = await readJson(here.at('file'), { format: untyped, schema: letters });
    const { value } = await updateJson(here.at('file'), (old) => ({ ...old, b: '2' }), { format: table, initial: {} });
    assert.deepEqual([typed['a'], claimed['a'], validated['a'], value['b']], ['1', '1', '1', '2']);
  });

  it('is not asked for a value that a newer one replaces', async () => {
    const asked: unknown[] = [];
    const format: Format = {
      ...table,
      stringify(value) {
        asked.push(value);
        return String(value);
      },
    };
    const all = await Promise.all([1, 2, 3, 4, 5].map((value) => writeJson(here.at('file'), value, { format })));
    assert.equal(here.text('file'), '5');
    assert.equal(all.filter(({ superseded }) => !superseded).length, asked.length);
  });

  it('loses no update of others', async () => {
    const count = (): Promise<unknown> =>
      updateJson(here.at('file'), (old) => ({ n: old.n + 1 }), {
        format: gzip as BinaryFormat<{ n: number }>,
        initial: { n: 0 },
      });
    await Promise.all(Array.from({ length: 20 }, count));
    assert.deepEqual(await readJson(here.at('file'), { format: gzip }), { n: 20 });
  });
});
