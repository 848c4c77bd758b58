import assert from 'node:assert/strict';
import { writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import {
  array,
  assert as check,
  asyncProperty,
  constantFrom,
  integer,
  letrec,
  oneof,
  option,
  string,
  stringMatching,
  tuple,
  uniqueArray,
  type Arbitrary,
} from 'fast-check';
import { JsonError, unchanged, updateJson, updateJsonSync, type UpdateJsonOptions } from 'untorn';
import { scratch } from '../support/scratch.ts';

type Update = (value: never) => unknown;
const forms: [string, (path: string, update: Update, options?: UpdateJsonOptions) => Promise<unknown>][] = [
  [
    'updateJson()',
    (path, update, options) =>
      updateJson(path, update as (value: unknown) => unknown, { durability: 'off', ...options }),
  ],
  [
    'updateJsonSync()',
    async (path, update, options) =>
      updateJsonSync(path, update as (value: unknown) => unknown, { durability: 'off', ...options }),
  ],
];

const same = (value: unknown): unknown => value;
type Any = Record<string, unknown> & { list: unknown[] };

/** A file before, what is done, and the file after. */
const kept: [string, string, Update, string][] = [
  [
    'large whole numbers',
    '{"a":1161888007138312192,"b":-9007199254740993,"c":123456789012345678901234567890}',
    same,
    '{"a":1161888007138312192,"b":-9007199254740993,"c":123456789012345678901234567890}',
  ],
  [
    'many digits',
    '[0.1234567890123456789,3.14159265358979323846,1.00000000000000000001]',
    same,
    '[0.1234567890123456789,3.14159265358979323846,1.00000000000000000001]',
  ],
  [
    'numbers that are too large or too small',
    '{"a":1e400,"b":-1E+999,"c":1e-400,"d":[5e-324]}',
    same,
    '{"a":1e400,"b":-1E+999,"c":1e-400,"d":[5e-324]}',
  ],
  ['zeros with a sign', '{"a":-0,"b":[-0.0,0,-0e1]}', same, '{"a":-0,"b":[-0.0,0,-0e1]}'],
  [
    'how numbers are written',
    '{"a":1.0,"b":[1e2,1.50,100E-2,0.0000001],"c":1}',
    same,
    '{"a":1.0,"b":[1e2,1.50,100E-2,0.0000001],"c":1}',
  ],
  ['a number alone', '1161888007138312193', same, '1161888007138312193'],
  [
    'those beside what changes',
    '{"a":1161888007138312192,"b":1,"list":[1e400]}',
    (value: Any) => ({ ...value, b: 2 }),
    '{"a":1161888007138312192,"b":2,"list":[1e400]}',
  ],
  [
    'those that move',
    '{"list":[{"id":1161888007138312192},{"id":5.0000000000000000001}]}',
    ({ list }: Any) => ({ list: list.toReversed(), first: list[0] }),
    '{"list":[{"id":5.0000000000000000001},{"id":1161888007138312192}],"first":{"id":1161888007138312192}}',
  ],
  [
    'those that move by themselves',
    '[1161888007138312192,1161888007238312193]',
    (list: number[]) => [7, ...list.toReversed()],
    '[7,1161888007238312193,1161888007138312192]',
  ],
  [
    'those in what is changed in place',
    '{"list":[{"id":1161888007138312193},{"id":1161888007138312192}]}',
    (value: Any) => (value.list.shift(), value),
    '{"list":[{"id":1161888007138312192}]}',
  ],
  [
    'none that was changed',
    '{"a":1161888007138312192,"b":1.0}',
    (value: Any) => ({ a: Number(value['a']) + 1024, b: 2 }),
    '{"a":1161888007138313200,"b":2}',
  ],
  [
    'no zero that is new',
    '{"a":1e-400,"b":0,"c":-0}',
    (value: Any) => ({ ...value, c: 0, d: 0 }),
    '{"a":1e-400,"b":0,"c":0,"d":0}',
  ],
  [
    'nothing in strings',
    '{"a":"1161888007138312192 1e400 -0 1.0","b":"x\\":1,\\"x\\":2"}',
    same,
    '{"a":"1161888007138312192 1e400 -0 1.0","b":"x\\":1,\\"x\\":2"}',
  ],
];

for (const [name, update] of forms) {
  describe(`${name}: what it does not change`, () => {
    const here = scratch();

    for (const [what, before, change, after] of kept) {
      it(`is kept as it is written: ${what} (G8)`, async () => {
        plainWrite(here.at('file'), `${before}\n`);
        await update(here.at('file'), change);
        assert.equal(here.text('file'), `${after}\n`);
      });
    }

    it('is kept with indentation, a reviver, a replacer and a schema', async () => {
      const before = '{\n\t"a": 1161888007138312192,\n\t"b": [\n\t\t1e400,\n\t\t-0\n\t]\n}\n';
      const schema = {
        '~standard': {
          version: 1 as const,
          vendor: 'test',
          validate: (value: unknown) => ({ value: structuredClone(value) }),
        },
      };
      for (const options of [
        {},
        { reviver: (_: string, value: unknown) => value },
        { replacer: (_: string, value: unknown) => value },
        { schema },
      ] as UpdateJsonOptions[]) {
        plainWrite(here.at('file'), before);
        await update(here.at('file'), same, options);
        assert.equal(here.text('file'), before);
      }
    });

    it('is an error where it cannot be told which number is which (G8)', async () => {
      const list = '{"list":[{"id":1161888007138312192},{"id":1161888007138312193}]}\n';
      const flat = '[1161888007138312192,1161888007138312193]\n';
      for (const [before, change] of [
        [list, (value: Any) => ({ list: value.list.slice(1).map((one) => ({ ...(one as object) })) })],
        [flat, (value: number[]) => value.slice(1)],
        [flat, (value: number[]) => (value.shift(), value.push(1), value)],
        ['{"a":1161888007138312192,"b":1161888007138312193}\n', (value: Any) => ({ c: value['a'] })],
      ] as [string, Update][]) {
        plainWrite(here.at('file'), before);
        await assert.rejects(
          update(here.at('file'), change),
          (error) =>
            JsonError.isJsonError(error) &&
            error.code === 'ERR_UNTORN_JSON_NUMBER' &&
            error.line === 1 &&
            Number(error.column) > 1 &&
            /"value/.test(error.message),
        );
        assert.equal(here.text('file'), before);
        await update(here.at('file'), change, { numbers: 'double' });
      }
    });

    it('is as JSON.stringify() writes it where that is asked for', async () => {
      plainWrite(here.at('file'), '{"a":1161888007138312192,"b":1.0}\n');
      await update(here.at('file'), same, { numbers: 'double' });
      assert.equal(here.text('file'), '{"a":1161888007138312200,"b":1}\n');
      plainWrite(here.at('file'), '{"a":[1e400]}\n');
      await assert.rejects(update(here.at('file'), same, { numbers: 'double' }), {
        name: 'TypeError',
        message: '"value.a[0]" is Infinity, which JSON cannot hold',
      });
    });

    it('is not lost where a file has two properties of one name: that is an error with its place (G8)', async () => {
      for (const [before, line, column, where] of [
        ['{"a":1,"a":2}\n', 1, 8, 'value.a'],
        ['{\n  "x": [1, {"b c": {"d": 1, "e": 2,\n    "d" : 3}}]\n}\n', 3, 5, 'value.x[1]["b c"].d'],
        ['{"a" :1,"\\u0061":2}\n', 1, 9, 'value.a'],
      ] as const) {
        plainWrite(here.at('file'), before);
        await assert.rejects(update(here.at('file'), same), {
          name: 'JsonError',
          code: 'ERR_UNTORN_JSON_DUPLICATE_KEY',
          line,
          column,
          message: new RegExp(where.replace(/[[\].]/g, '\\$&')),
        });
        await update(here.at('file'), () => unchanged);
        assert.equal(here.text('file'), before);
        await update(here.at('file'), same, { duplicateKeys: 'last' });
        assert.doesNotMatch(here.text('file'), /"d" ?: ?1/);
      }
    });

    it('is all of any file, whatever its numbers (G8)', async () => {
      const digits = (of: number): Arbitrary<string> => stringMatching(new RegExp(`^[0-9]{1,${of}}$`));
      const number = tuple(
        constantFrom('', '-'),
        constantFrom('0', '1', '7', '12345678901234567890', '1161888007138312192'),
        option(digits(20)),
        option(integer({ min: -400, max: 400 })),
      ).map(
        ([sign, whole, fraction, exponent]) =>
          `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`,
      );
      const { tree } = letrec<{ tree: string }>((tie) => ({
        tree: oneof(
          { depthSize: 'small' },
          number,
          string().map((text) => JSON.stringify(text)),
          constantFrom('null', 'true', '{}', '[]'),
          array(tie('tree'), { maxLength: 5 }).map((parts) => `[${parts.join(',')}]`),
          uniqueArray(tuple(stringMatching(/^[a-z":\\]{1,3}$/), tie('tree')), {
            maxLength: 5,
            selector: ([key]) => key,
          }).map((parts) => `{${parts.map(([key, part]) => `${JSON.stringify(key)}:${part}`).join(',')}}`),
        ),
      }));
      await check(
        asyncProperty(tree, async (text) => {
          plainWrite(here.at('file'), `${text}\n`);
          await update(here.at('file'), same);
          assert.equal(here.text('file'), `${text}\n`);
          await update(here.at('file'), (value) => structuredClone(value));
          assert.equal(here.text('file'), `${text}\n`);
        }),
        { numRuns: 150 },
      );
    });
  });
}
