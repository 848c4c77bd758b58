import assert from 'node:assert/strict';
import fs, { mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync as plainWrite } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { describe, it } from 'node:test';
import { runInNewContext } from 'node:vm';
import {
  JsonError,
  readJson,
  readJsonSync,
  writeFile,
  writeFileSync,
  writeJson,
  writeJsonSync,
  WriteError,
  type ReadJsonOptions,
  type Recovery,
  type StandardSchema,
  type WriteJsonOptions,
} from 'untorn';
import { scratch } from '../support/scratch.ts';
// oxlint-disable-next-line import/no-unassigned-import -- it makes functions that replace those of node:fs count
import '../support/stand-ins.ts';

/** The two ways to do it, so that one test shows both. */
const apis = [
  {
    name: 'readJson() and writeJson()',
    read: (path: string, options?: ReadJsonOptions) => readJson(path, options as object),
    write: writeJson,
  },
  {
    name: 'readJsonSync() and writeJsonSync()',
    read: async (path: string, options?: ReadJsonOptions) => readJsonSync(path, options as object),
    write: async (path: string, value: unknown, options?: WriteJsonOptions) => writeJsonSync(path, value, options),
  },
] as const;

/** A schema of no library: an object with a count, from 0 on; without one it is 0. */
const counting: StandardSchema<{ count?: number }, { count: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const { count = 0, ...rest } = value as { count?: unknown };
      const issues = [
        ...(typeof count === 'number' && count >= 0 ? [] : [{ message: 'must be a number from 0', path: ['count'] }]),
        ...Object.keys(rest).map((name) => ({ message: 'is not known', path: [{ key: name }] })),
      ];
      return issues.length > 0 ? { issues } : { value: { count: count as number } };
    },
  },
};

const later: typeof counting = {
  '~standard': { ...counting['~standard'], validate: async (value) => counting['~standard'].validate(value) },
};

function jsonError(code: JsonError['code'], details: Partial<JsonError> = {}): (error: unknown) => boolean {
  return (error) => {
    if (!JsonError.isJsonError(error)) throw error;
    assert.deepEqual(
      { code: error.code, ...Object.fromEntries(Object.keys(details).map((name) => [name, error[name as 'line']])) },
      { code, ...details },
    );
    return true;
  };
}

for (const { name, read, write } of apis) {
  describe(name, () => {
    const here = scratch();

    it('reads what was written', async () => {
      const value = {
        text: 'ü 😀 \u2028 "\\',
        list: [1, -1.5e-7, true, null, {}],
        ['__proto__']: 1,
        '': { nested: [[]] },
      };
      const { bytes, replaced } = await write(here.at('file'), value);
      assert.deepEqual(await read(here.at('file')), value);
      assert.deepEqual([bytes, replaced], [statSync(here.at('file')).size, false]);
      assert.equal(Object.getPrototypeOf(await read(here.at('file'))), Object.prototype);
    });

    it('writes a new file in one line with a newline at its end, or as `indent` says', async () => {
      await write(here.at('file'), { a: [1], b: {} });
      assert.equal(here.text('file'), '{"a":[1],"b":{}}\n');
      await write(here.at('file'), { a: [1], b: {} }, { indent: 2 });
      assert.equal(here.text('file'), '{\n  "a": [\n    1\n  ],\n  "b": {}\n}\n');
      await write(here.at('file'), { a: 1 }, { indent: '\t' });
      assert.equal(here.text('file'), '{\n\t"a": 1\n}\n');
      await write(here.at('file'), { a: 1 }, { indent: 0 });
      assert.equal(here.text('file'), '{"a":1}\n');
    });

    class Lru extends Map {
      readonly max = 100;
    }

    /** What keeps its content elsewhere than in properties. */
    const opaque: Record<string, () => object> = {
      Map: () => new Map([[1, 2]]),
      Set: () => new Set([1]),
      WeakMap: () => new WeakMap(),
      WeakSet: () => new WeakSet(),
      WeakRef: () => new WeakRef({}),
      Promise: () => Promise.resolve(),
      ArrayBuffer: () => new ArrayBuffer(1),
      SharedArrayBuffer: () => new SharedArrayBuffer(1),
      DataView: () => new DataView(new ArrayBuffer(1)),
      Uint8Array: () => new Uint8Array(1),
      RegExp: () => /a/,
      Error: () => new TypeError('a'),
      Headers: () => new Headers({ a: 'b' }),
      URLSearchParams: () => new URLSearchParams('a=b'),
      FormData: () => new FormData(),
      Blob: () => new Blob(['a']),
      Response: () => new Response('a'),
      ReadableStream: () => new ReadableStream(),
      Generator: () =>
        (function* () {
          yield 1;
        })(),
      'Map Iterator': () => new Map().keys(),
      'Array Iterator': () => [1].values(),
      BigInt: () => Object(1n) as object,
      Symbol: () => Object(Symbol.iterator) as object,
      AbortSignal: () => new AbortController().signal,
    };

    /** The same of another realm, some with a field. */
    const foreign = runInNewContext(`({
  'an invalid date': new Date(NaN), Error: Object.assign(new Error('a'), { field: 1 }), Map: Object.assign(new Map(), { field: 1 }), Set: new (class extends Set { field = 1 }), Promise: Object.assign(Promise.resolve(), { field: 1 }),
  ArrayBuffer: Object.assign(new ArrayBuffer(1), { field: 1 }), RegExp: Object.assign(/a/, { field: 1 }), WeakMap: Object.assign(new WeakMap(), { field: 1 }), Uint8Array: new Uint8Array(1),
})`) as Record<string, object>;

    for (const [layout, old, now] of [
      ['two spaces', '{\n  "a": 0\n}\n', '{\n  "a": [\n    1\n  ]\n}\n'],
      ['three spaces and no newline at the end', '[\n   0]', '{\n   "a": [\n      1\n   ]\n}'],
      ['tabs and CRLF', '{\r\n\t"a": 0\r\n}\r\n', '{\r\n\t"a": [\r\n\t\t1\r\n\t]\r\n}\r\n'],
      ['one line and no newline at the end', '{"a": 0}', '{"a":[1]}'],
      ['one line that ends with CRLF', '{"a": 0}\r\n', '{"a":[1]}\r\n'],
      [
        'an empty line first, and a byte order mark, which is dropped',
        '\ufeff\n{\n\n  "a": 0}\n',
        '{\n  "a": [\n    1\n  ]\n}\n',
      ],
      ['no content', '', '{"a":[1]}\n'],
      [
        'indentation only far from the end',
        `{\n    "a": "${'x'.repeat(9000)}"\n}`,
        '{\n    "a": [\n        1\n    ]\n}',
      ],
      ['damage', '{\n\t"a": ', '{\n\t"a": [\n\t\t1\n\t]\n}'],
    ] as const) {
      it(`keeps the layout of the file: ${layout}`, async () => {
        plainWrite(here.at('file'), old);
        await write(here.at('file'), { a: [1] });
        assert.equal(here.text('file'), now);
      });
    }

    it('keeps the layout of the file that a link leads to', async () => {
      plainWrite(here.at('real'), '{\n\t"a": 0\n}');
      symlinkSync('real', here.at('link'));
      await write(here.at('link'), { a: 1 });
      assert.equal(here.text('real'), '{\n\t"a": 1\n}');
    });

    it('takes the options of every write', async () => {
      plainWrite(here.at('file'), '{"a":1}\n');
      const { unchanged } = await write(here.at('file'), { a: 1 }, { ifUnchanged: 'skip' });
      const { backupPath } = await write(
        here.at('file'),
        { a: 2 },
        { mode: 0o600, backup: 'simple', durability: 'normal' },
      );
      assert.deepEqual(
        [unchanged, backupPath, statSync(here.at('file')).mode & 0o777, here.text('file~')],
        [true, here.at('file~'), 0o600, '{"a":1}\n'],
      );
      await assert.rejects(write(here.at('file'), {}, { overwrite: false }), { code: 'EEXIST' });
    });

    it('refuses wrong options', async () => {
      const wrong: [object, RegExp][] = [
        [{ indent: 11 }, /"options.indent"/],
        [{ indent: '--' }, /"options.indent"/],
        [{ indent: 1.5 }, /"options.indent"/],
        [{ spaces: 2 }, /"options.spaces" is not an option/],
        [{ replacer: ['a'] }, /"options.replacer" must be a function/],
        [{ schema: {} }, /"options.schema" must be a schema/],
        [{ encoding: 'latin1' }, /"options.encoding" must be 'utf8'/],
      ];
      for (const [options, message] of wrong) await assert.rejects(write(here.at('file'), {}, options), { message });
      for (const [options, message] of [
        [{ reviver: 1 }, /"options.reviver" must be a function/],
        [{ recover: 'always' }, /"options.recover"/],
        [{ recover: { backups: 1 } }, /"options.recover.backups" is not an option/],
        [{ encoding: 'utf8' }, /"options.encoding" is not an option/],
        ['utf8', /"options" must be an object/],
        [{ onRecover: true }, /"options.onRecover"/],
        [{ schema: null }, /"options.schema"/],
      ] as [ReadJsonOptions, RegExp][])
        await assert.rejects(read(here.at('file'), options), { name: 'TypeError', message });
      assert.deepEqual(here.names(), []);
    });

    const cycle: { a: { b: unknown[] } } = { a: { b: [] } };
    cycle.a.b.push({}, cycle);
    for (const [what, value, where] of [
      ['undefined', undefined, 'value'],
      ['a function', () => 1, 'value'],
      ['a symbol', Symbol('a'), 'value'],
      ['a BigInt', { list: [0, { big: 1n }] }, 'value.list[1].big'],
      ['NaN', { 'a b': Number.NaN }, 'value["a b"]'],
      ['-Infinity', [[-Infinity]], 'value[0][0]'],
      ['undefined', [1, undefined], 'value[1]'],
      // oxlint-disable-next-line no-sparse-arrays -- it is what is tested
      ['undefined', [1, , 2], 'value[1]'],
      ['a function', { on: { click() {} } }, 'value.on.click'],
      ['a symbol', { s: Symbol.iterator }, 'value.s'],
      ['an object that contains itself', cycle, 'value.a.b[1]'],
      ['an invalid date', { at: new Date(Number.NaN) }, 'value.at'],
      ['an instance of Map', { map: new Map([[1, 2]]) }, 'value.map'],
      ['an instance of Set', new Set([1]), 'value'],
      ['an instance of Error', { cause: Object.assign(new TypeError('a'), { code: 'b' }) }, 'value.cause'],
      ['an instance of RegExp', [/a/], 'value[0]'],
      ['an instance of Promise', { data: Promise.resolve(1) }, 'value.data'],
      ['an instance of Uint8Array', { bytes: new Uint8Array([1]) }, 'value.bytes'],
      ['an instance of ArrayBuffer', { bytes: new ArrayBuffer(1) }, 'value.bytes'],
      ['an instance of URLSearchParams', [new URLSearchParams('a=1')], 'value[0]'],
      ...Object.entries(opaque).flatMap(
        ([what, make]) =>
          [
            [`an instance of ${what}`, [Object.assign(make(), { field: 1 })], 'value[0]'],
            [`an instance of ${what}`, { a: make() }, 'value.a'],
          ] as const,
      ),
      ...Object.entries(foreign).map(
        ([what, value]) => [what.startsWith('an ') ? what : `an instance of ${what}`, { a: value }, 'value.a'] as const,
      ),
      ['an instance of Map', [new Lru()], 'value[0]'],
      ['an instance of Object', [Object.setPrototypeOf(new Set([1]), null)], 'value[0]'],
      ['undefined', { toJSON: () => undefined }, 'value'],
      ['NaN', { a: { toJSON: () => [Number.NaN] } }, 'value.a[0]'],
      ['NaN', { a: Object(Number.NaN) }, 'value.a'],
      ['NaN', { a: Object.assign([1], { toJSON: () => Number.NaN }) }, 'value.a'],
      ['undefined', [Object.assign(new Date(0), { toJSON: () => undefined })], 'value[0]'],
      ['undefined', Object.defineProperty({ a: 1 }, 'toJSON', { value: () => undefined, enumerable: false }), 'value'],
    ] as const) {
      it(`refuses ${what} as ${where} before anything is touched`, async () => {
        const expected = {
          name: 'TypeError',
          code: 'ERR_INVALID_ARG_VALUE',
          message: `"${where}" is ${what}, which JSON cannot hold${what.endsWith('Promise') ? '; await it before' : ''}`,
        };
        await assert.rejects(write(here.at('missing/file'), value), expected);
        await assert.rejects(write(here.at('file'), value, { indent: 1, makeParents: true }), expected);
        assert.deepEqual(here.names(), []);
      });
    }

    it('writes what JSON has a way for: properties that are undefined, toJSON(), dates, boxed values, instances, shared objects', async () => {
      const shared = { a: 1 };
      class Point {
        readonly x = 1;
        readonly y: number | undefined = undefined;
        length(): number {
          return this.x;
        }
      }
      await write(here.at('file'), [
        { u: undefined },
        new Point(),
        new Date(0),
        Buffer.from('a'),
        Object(1),
        Object.create(null),
        shared,
        { shared },
        -0,
        { toJSON: () => 'own' },
        new URL('file:///a'),
      ]);
      assert.equal(
        here.text('file'),
        '[{},{"x":1},"1970-01-01T00:00:00.000Z",{"type":"Buffer","data":[97]},1,{},{"a":1},{"shared":{"a":1}},0,"own","file:///a"]\n',
      );
    });

    it('writes values nested as deep as JSON.stringify() does', async () => {
      let value: unknown = 0;
      for (let depth = 0; depth < 1500; depth++) value = depth % 2 === 0 ? [value] : { value };
      await write(here.at('file'), value);
      assert.equal(here.text('file'), `${JSON.stringify(value)}\n`);
    });

    it('passes values through a replacer and a reviver', async () => {
      const replacer = (_: string, value: unknown): unknown => (value instanceof Map ? { map: [...value] } : value);
      await write(here.at('file'), { m: new Map([[1, new Map()]]), at: 1 }, { replacer });
      assert.equal(here.text('file'), '{"m":{"map":[[1,{"map":[]}]]},"at":1}\n');
      const reviver = (key: string, value: unknown): unknown => (key === 'at' ? new Date(value as number) : value);
      assert.deepEqual(await read(here.at('file'), { reviver }), { m: { map: [[1, { map: [] }]] }, at: new Date(1) });
      await assert.rejects(write(here.at('file'), {}, { replacer: () => Number.NaN }), {
        message: '"value" is NaN, which JSON cannot hold',
      });
      const own = new SyntaxError('of the reviver');
      await assert.rejects(
        read(here.at('file'), {
          reviver: () => {
            throw own;
          },
        }),
        own,
      );
    });

    it('says where a file stops being JSON, and nothing of its content', async () => {
      for (const [text, line, column] of [
        ['{"secret": "hunter2",\n  "b": hunter2}', 2, 8],
        ['{"a": 1,}', 1, 9],
        ['{"a": 1', 1, 8],
        ['[1 2]', 1, 4],
        ['nul', 1, 4],
        ['\ufeff{"ü": é}', 1, 7],
        ['[\r\n"\t"]', 2, 2],
        ['\0\0\0', 1, 1],
        ['{} {}', 1, 4],
        ['"\\u12g4"', 1, 2],
      ] as const) {
        plainWrite(here.at('file'), text);
        await assert.rejects(read(here.at('file')), (error) => {
          assert.ok(jsonError('ERR_UNTORN_JSON_SYNTAX', { line, column, path: here.at('file') })(error), text);
          const { message } = error as JsonError;
          assert.ok(
            message.startsWith(`"${here.at('file')}" is not JSON`) &&
              message.endsWith(` at line ${line}, column ${column}`),
            message,
          );
          assert.ok(!message.includes('hunter2'));
          return true;
        });
      }
      for (const text of ['', ' \n']) {
        plainWrite(here.at('file'), text);
        await assert.rejects(read(here.at('file')), {
          code: 'ERR_UNTORN_JSON_SYNTAX',
          message: `"${here.at('file')}" is empty, which is not JSON`,
        });
      }
    });

    it('takes bytes that are not UTF-8 for an error', async () => {
      plainWrite(here.at('file'), Buffer.from('{"ü":\n "\xff"}', 'latin1'));
      await assert.rejects(read(here.at('file')), jsonError('ERR_UNTORN_JSON_ENCODING', { line: 1, column: 3 }));
      plainWrite(
        here.at('file'),
        Buffer.concat([Buffer.from('{"ü":\n "'), Buffer.from([0xe2, 0x82]), Buffer.from('"}')]),
      );
      await assert.rejects(read(here.at('file')), jsonError('ERR_UNTORN_JSON_ENCODING', { line: 2, column: 3 }));
    });

    it('passes a byte order mark over', async () => {
      plainWrite(here.at('file'), '\ufeff{"a": "\ufeff"}');
      assert.deepEqual(await read(here.at('file')), { a: '\ufeff' });
    });

    it('fails as the system does for what cannot be read', async () => {
      mkdirSync(here.at('folder'));
      await assert.rejects(read(here.at('missing')), { code: 'ENOENT', path: here.at('missing') });
      await assert.rejects(read(here.at('folder')), { code: 'EISDIR' });
      await assert.rejects(read('/dev/null'), { code: 'EINVAL' });
      await assert.rejects(read(here.at('folder'), { initial: 1 }), { code: 'EISDIR' });
    });

    it('takes a missing file for its initial value, which no two calls share', async () => {
      const constant = { list: [1], at: new Date(0) };
      for (const initial of [constant, () => constant]) {
        const value = (await read(here.at('file'), { initial })) as typeof constant;
        assert.deepEqual(value, { list: [1], at: '1970-01-01T00:00:00.000Z' });
        value.list.push(2);
        assert.deepEqual(await read(here.at('file'), { initial }), { list: [1], at: '1970-01-01T00:00:00.000Z' });
      }
      assert.deepEqual(await read(here.at('file'), { initial: {}, schema: counting }), { count: 0 });
      assert.equal(await read(here.at('file'), { initial: null }), null);
      await assert.rejects(read(here.at('file'), { initial: () => new Map() }), {
        message: '"value" is an instance of Map, which JSON cannot hold',
      });
      assert.deepEqual(here.names(), []);
    });

    it('takes a file that is empty or damaged for no missing one', async () => {
      plainWrite(here.at('file'), '');
      await assert.rejects(read(here.at('file'), { initial: 1 }), jsonError('ERR_UNTORN_JSON_SYNTAX'));
      await assert.rejects(
        read(here.at('file'), { initial: 1, recover: 'backup' }),
        jsonError('ERR_UNTORN_JSON_SYNTAX'),
      );
    });

    it('returns what the schema makes of a file, and tells its issues', async () => {
      plainWrite(here.at('file'), '{}');
      assert.deepEqual(await read(here.at('file'), { schema: counting }), { count: 0 });
      plainWrite(here.at('file'), '{"count":-1,"b":1,"c":1,"d":1}');
      await assert.rejects(read(here.at('file'), { schema: counting, recover: 'backup' }), (error) => {
        assert.ok(jsonError('ERR_UNTORN_JSON_SCHEMA', { line: undefined })(error));
        const { issues, message } = error as JsonError;
        assert.deepEqual(
          issues.map((issue) => issue.message),
          ['must be a number from 0', 'is not known', 'is not known', 'is not known'],
        );
        assert.equal(
          message,
          `"${here.at('file')}" does not pass the schema: count: must be a number from 0; b: is not known; c: is not known; and 1 more`,
        );
        return true;
      });
    });

    it('validates what the file would hold before it writes', async () => {
      await write(here.at('file'), { count: { toJSON: () => 2 } as never }, { schema: counting });
      assert.equal(here.text('file'), '{"count":2}\n');
      await assert.rejects(
        write(here.at('file'), { count: -2 }, { schema: counting }),
        jsonError('ERR_UNTORN_JSON_SCHEMA'),
      );
      await write(here.at('file'), {}, { schema: counting });
      assert.equal(here.text('file'), '{}\n', 'the value is written as it is');
      assert.deepEqual(here.names(), ['file']);
    });

    describe('recovery', () => {
      const good = (name: string, value: unknown, age: number): void => {
        plainWrite(here.at(name), typeof value === 'string' ? value : JSON.stringify(value));
        utimesSync(here.at(name), 1000 - age, 1000 - age);
      };
      const recovering = async (
        options: ReadJsonOptions = {},
        path = here.at('file'),
      ): Promise<{ value: unknown; recovery: Recovery | undefined }> => {
        let recovery: Recovery | undefined;
        const value = await read(path, { recover: 'backup', onRecover: (found) => (recovery = found), ...options });
        return { value, recovery };
      };

      it('reads the newest backup that is good', async () => {
        good('file', '{"count":', 0);
        good('file~', { count: 2 }, 20);
        good('file.~9~', { count: 9 }, 9);
        good('file.~10~', '', 1);
        good('file.~11~', { other: true }, 2);
        mkdirSync(here.at('file.~12~'));
        const { value, recovery } = await recovering({ schema: counting });
        assert.deepEqual(
          [value, recovery?.path, recovery?.backupPath, recovery?.error.code],
          [{ count: 9 }, here.at('file'), here.at('file.~9~'), 'ERR_UNTORN_JSON_SYNTAX'],
        );
        assert.equal(here.text('file'), '{"count":');
      });

      it('reads what writes with a backup leave', async () => {
        for (const backup of ['simple', 'numbered'] as const) {
          for (const count of [1, 2, 3]) await write(here.at(backup), { count }, { backup });
          plainWrite(here.at(backup), '');
          assert.deepEqual((await recovering({}, here.at(backup))).value, { count: 2 });
        }
      });

      it('reads the backup that it is told', async () => {
        good('file', Buffer.from([0xff]).toString('latin1'), 0);
        plainWrite(here.at('file'), Buffer.from([0x22, 0xff, 0x22]));
        good('file~', 1, 0);
        good('other', 2, 0);
        assert.deepEqual((await recovering({ recover: { backup: here.at('other') } })).value, 2);
      });

      it('looks beside the file that a link leads to', async () => {
        mkdirSync(here.at('real'));
        good('real/file', '', 0);
        good('real/file~', 1, 0);
        symlinkSync('real/file', here.at('link'));
        const { value, recovery } = await recovering({}, here.at('link'));
        assert.deepEqual([value, recovery?.backupPath], [1, here.at('real/file~')]);
      });

      it('says what is wrong with the file where no backup is good', async () => {
        good('file', '{', 0);
        good('file~', '[', 0);
        await assert.rejects(recovering(), { code: 'ERR_UNTORN_JSON_SYNTAX', path: here.at('file') });
        await assert.rejects(recovering({ recover: { backup: here.at('missing') } }), {
          code: 'ERR_UNTORN_JSON_SYNTAX',
          path: here.at('file'),
        });
      });

      it('does nothing for a file that is whole, or missing', async () => {
        good('file~', 1, 0);
        await assert.rejects(recovering(), { code: 'ENOENT' });
        good('file', 2, 0);
        assert.deepEqual(await recovering(), { value: 2, recovery: undefined });
      });

      it('warns unless somebody listens', async () => {
        good('file', '{', 0);
        good('file~', 1, 0);
        const warning = new Promise<Error>((resolve) => process.once('warning', resolve));
        await read(here.at('file'), { recover: 'backup' });
        const { message, code } = (await warning) as Error & { code?: string };
        assert.deepEqual(
          [code, message],
          [
            'UNTORN_RECOVERED',
            `"${here.at('file')}" is not JSON: it ends too early at line 1, column 2; "${here.at('file~')}" was read instead`,
          ],
        );
      });
    });
  });
}

describe('a file that is replaced while it is read', () => {
  const here = scratch();

  it('is not taken for one that is missing, where a filesystem goes by names', (t) => {
    plainWrite(here.at('file'), '{"count":1}');
    const { fstatSync } = fs;
    let times = 0;
    t.mock.method(fs, 'fstatSync', (fd: number, options: { bigint: true }) => {
      if (times++ === 0)
        throw Object.assign(new Error('ENOENT: no such file or directory, fstat'), {
          code: 'ENOENT',
          errno: -2,
          syscall: 'fstat',
        });
      return fstatSync(fd, options);
    });
    syncBuiltinESMExports();
    try {
      assert.deepEqual(readJsonSync(here.at('file'), { initial: { count: 0 } }), { count: 1 });
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
    assert.equal(times, 2);
  });
});

describe('writeJson()', () => {
  const here = scratch();

  it('writes the value as it is at the call', async () => {
    plainWrite(here.at('file'), '{\n  "count": 0\n}');
    const state = { count: 1, list: [1] };
    const written = writeJson(here.at('file'), state);
    state.count = 2;
    state.list.length = 0;
    await written;
    assert.equal(here.text('file'), '{\n  "count": 1,\n  "list": [\n    1\n  ]\n}');
  });

  it('has the place of its call in the order of all writes (G7)', async () => {
    for (let round = 0; round < 20; round++) {
      const calls: Promise<unknown>[] = [
        writeJson(here.at('file'), round),
        writeFile(here.at('file'), 'text'),
        writeJson(here.at('file'), [round], {
          schema: { '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value }) } },
        }),
        writeFile(here.at('file'), 'last'),
      ];
      await Promise.all(calls);
      assert.equal(here.text('file'), 'last');
      const first = writeJson(here.at('file'), 1);
      writeFileSync(here.at('file'), 'sync');
      assert.equal((await first).superseded, true);
      assert.equal(here.text('file'), 'sync');
    }
    const results = await Promise.all(Array.from({ length: 500 }, (_, index) => writeJson(here.at('file'), index)));
    assert.equal(here.text('file'), '499');
    assert.deepEqual(
      results.flatMap(({ superseded }, index) => (superseded ? [] : [index])),
      [499],
    );
  });

  it('waits for a schema that validates asynchronously, and holds nobody up if that refuses', async () => {
    assert.deepEqual(await readJson(here.at('file'), { initial: { count: 3 }, schema: later }), { count: 3 });
    const refused = writeJson(here.at('file'), { count: -1 }, { schema: later });
    const written = writeJson(here.at('file'), { count: 1 }, { schema: later });
    await assert.rejects(refused, jsonError('ERR_UNTORN_JSON_SCHEMA'));
    await written;
    assert.deepEqual([here.text('file'), here.names()], ['{"count":1}\n', ['file']]);
    await assert.rejects(
      readJson(here.at('file'), {
        schema: {
          '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new Error('of the schema')) },
        },
      }),
      { message: 'of the schema' },
    );
  });

  it('fails as every write does', async () => {
    await assert.rejects(
      writeJson(here.at('missing/file'), 1),
      (error) => WriteError.isWriteError(error) && error.code === 'ENOENT' && error.outcome === 'old',
    );
    await assert.rejects(writeJson(here.at('file'), 1, { signal: AbortSignal.abort() }), { code: 'ABORT_ERR' });
    assert.deepEqual(here.names(), []);
  });
});

describe('readJsonSync() and writeJsonSync()', () => {
  const here = scratch();

  it('refuse a schema that validates asynchronously, also one that fails then', () => {
    plainWrite(here.at('file'), '{}');
    const failing: StandardSchema = {
      '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new Error('unheard')) },
    };
    for (const schema of [later, failing]) {
      const expected = {
        name: 'TypeError',
        message: '"options.schema" validates asynchronously, which a synchronous call cannot wait for',
      };
      assert.throws(() => readJsonSync(here.at('file'), { schema }), expected);
      assert.throws(() => writeJsonSync(here.at('file'), { count: 1 }, { schema }), expected);
    }
    assert.equal(readFileSync(here.at('file'), 'utf8'), '{}');
  });

  it('have the types of the schema', () => {
    plainWrite(here.at('file'), '{"count":1}');
    const { count }: { count: number } = readJsonSync(here.at('file'), { schema: counting });
    const typed: { count: string } = readJsonSync<{ count: string }>(here.at('file'));
    // @ts-expect-error the schema has no other property
    const { other } = readJsonSync(here.at('file'), { schema: counting });
    // @ts-expect-error the schema takes no text for a count
    readJsonSync(here.at('file'), { schema: counting, initial: { count: '1' } });
    assert.deepEqual([count, typed, other], [1, { count: 1 }, undefined]);
  });
});
