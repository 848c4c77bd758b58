import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import {
  JsonError,
  readJson,
  readJsonSync,
  transaction,
  updateJson,
  updateJsonSync,
  writeJson,
  writeJsonSync,
  WriteError,
  type StandardSchema,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

/** What a call can do at most, by halving: from that on it fails. */
function most(call: (levels: number) => unknown): number {
  let [works, fails] = [1, 1 << 17];
  while (fails - works > 1) {
    const levels = (works + fails) >> 1;
    try {
      call(levels);
      works = levels;
    } catch (error) {
      assert.ok(error instanceof RangeError);
      fails = levels;
    }
  }
  return works;
}

const point: StandardSchema<{ x: number; y: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'object' && value !== null && 'x' in value && 'y' in value
        ? { value: value as { x: number; y: number } }
        : { issues: [{ message: 'must have x and y' }] },
  },
};

describe('JSON', () => {
  const here = scratch();

  it('is written as deep as the runtime can, and an error names the file', () => {
    const runtime = most((levels) => JSON.stringify(nested(levels)));
    assert.ok(most((levels) => writeJsonSync(here.at('file'), nested(levels), { durability: 'off' })) > runtime * 0.95);
    const update = most((levels) => {
      plainWrite(here.at('file'), '['.repeat(levels) + ']'.repeat(levels));
      updateJsonSync(here.at('file'), (value) => ({ value }), { durability: 'off' });
    });
    assert.ok(update > runtime * 0.95);
    plainWrite(here.at('file'), '1');
    const tooDeep = nested(1 << 19);
    assert.throws(() => writeJsonSync(here.at('file'), tooDeep), {
      name: 'RangeError',
      code: 'ERR_OUT_OF_RANGE',
      message: `The value for "${here.at('file')}" is nested more deeply than this runtime can write; the file is untouched`,
    });
    assert.equal(here.text('file'), '1');
  });

  it('that is deep is looked at as closely as any', () => {
    const wrap = (value: unknown): unknown => {
      let all = value;
      for (let level = 0; level < 700; level++) all = { a: all };
      return all;
    };
    const cycle: Record<string, unknown> = {};
    cycle['self'] = wrap(cycle);
    for (const [value, what] of [
      [wrap(new Map()), 'an instance of Map'],
      [wrap([undefined]), 'undefined'],
      [wrap(NaN), 'NaN'],
      [wrap(1n), 'a BigInt'],
      [wrap(new Date(NaN)), 'an invalid date'],
      [wrap(cycle), 'an object that contains itself'],
      [wrap([, 1]), 'undefined'], // oxlint-disable-line no-sparse-arrays -- it is what is tried
    ] as const) {
      assert.throws(
        () => writeJsonSync(here.at('file'), value),
        (error: Error) => error instanceof TypeError && error.message.includes(what),
        what,
      );
    }
    const twice = { b: 1 };
    const fine = wrap({ one: twice, other: twice, left: undefined, date: new Date(0), own: { toJSON: () => 'own' } });
    writeJsonSync(here.at('file'), fine);
    assert.equal(here.text('file'), `${JSON.stringify(fine)}\n`);
  });

  it('that is longer than a string can be is an error with the path', async () => {
    const fd = openSync(here.at('file'), 'w');
    ftruncateSync(fd, constants.MAX_STRING_LENGTH + 1);
    closeSync(fd);
    await assert.rejects(
      readJson(here.at('file')),
      (error) =>
        WriteError.isWriteError(error) && error.code === 'ERR_STRING_TOO_LONG' && error.path === here.at('file'),
    );
    const long = 'x'.repeat(1 << 28);
    assert.throws(() => writeJsonSync(here.at('new'), [long, long]), {
      name: 'RangeError',
      message: `The value for "${here.at('new')}" is longer as JSON than a string can be; the file is untouched`,
    });
  });

  for (const [layout, old, now] of [
    [
      'a first line of more than 4 KiB',
      `{"a":"${'x'.repeat(9000)}",\n  "b": 1\n}\n`,
      `{\n  "a": "${'x'.repeat(9000)}",\n  "b": 2\n}\n`,
    ],
    ['a line for each value', '[\n{"a":1,"b":1},\n{"a":2}\n]\n', '[\n{"a":1,"b":2},\n{"a":2}\n]\n'],
    ['an indented line for each value', '[\n  {"a":1,"b":1},\n  {"a":2}\n]', '[\n  {"a":1,"b":2},\n  {"a":2}\n]'],
    [
      'a line for each value, with spaces in it',
      '[\r\n{"a": 1, "b": 1, "c": [1, 2]},\r\n{"a": 2}\r\n]\r\n',
      '[\r\n{"a": 1, "b": 2, "c": [1, 2]},\r\n{"a": 2}\r\n]\r\n',
    ],
    [
      'a line for each property',
      '{\n"a": {"b":1},\n"c": {"b":"1, 2: {"}\n}\n',
      '{\n"a":{"b":2},\n"c":{"b":"1, 2: {"}\n}\n',
    ],
    [
      'empty pairs, which may stand alone',
      '[\n  {},\n  {\n    "b": 1\n  }\n]\n',
      '[\n  {},\n  {\n    "b": 2\n  }\n]\n',
    ],
    ['blank lines before the first', '{\n\n\t"b": 1\n}\n', '{\n\t"b": 2\n}\n'],
  ] as const) {
    it(`keeps the layout: ${layout}`, async () => {
      const change = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replace('"b":1', '"b":2'));
      plainWrite(here.at('file'), old);
      await updateJson(here.at('file'), change);
      assert.equal(here.text('file'), now);
      plainWrite(here.at('file'), old);
      await writeJson(here.at('file'), change(JSON.parse(old)));
      assert.equal(here.text('file'), now);
    });
  }

  it('has a default indentation where the file has none, beside the forced one', async () => {
    const indent = { default: 2 };
    await writeJson(here.at('file'), { a: 1 }, { indent });
    assert.equal(here.text('file'), '{\n  "a": 1\n}\n');
    plainWrite(here.at('file'), '{\n\t"a": 1\n}');
    await updateJson(here.at('file'), () => ({ a: 2 }), { indent });
    assert.equal(here.text('file'), '{\n\t"a": 2\n}');
    plainWrite(here.at('file'), '{"a":1}');
    await transaction((tx) => tx.writeJson(here.at('file'), { a: 2 }, { indent: { default: '\t' } }));
    assert.equal(here.text('file'), '{\n\t"a": 2\n}');
    await updateJson(here.at('new'), () => ({ a: 1 }), { indent: { default: 1 } });
    assert.equal(here.text('new'), '{\n "a": 1\n}\n');
    for (const wrong of [{ default: 11 }, { defualt: 2 }, { default: 'x' }])
      await assert.rejects(writeJson(here.at('file'), 1, { indent: wrong as { default: number } }), /options\.indent/);
  });

  it('that an older version of the program wrote is migrated before it is validated', async () => {
    const migrate = (value: unknown): unknown =>
      Array.isArray(value) ? { x: value[0] as number, y: value[1] as number } : value;
    plainWrite(here.at('file'), '[1,2]');
    await assert.rejects(
      updateJson(here.at('file'), (value) => value ?? { x: 0, y: 0 }, { schema: point }),
      (error) => JsonError.isJsonError(error) && error.code === 'ERR_UNTORN_JSON_SCHEMA',
    );
    assert.deepEqual(readJsonSync(here.at('file'), { schema: point, migrate }), { x: 1, y: 2 });
    const { value } = await updateJson(here.at('file'), ({ x, y }) => ({ x: x + 1, y }), {
      schema: point,
      migrate,
      initial: { x: 0, y: 0 },
    });
    assert.deepEqual(
      [value, JSON.parse(here.text('file'))],
      [
        { x: 2, y: 2 },
        { x: 2, y: 2 },
      ],
    );
    // A damaged file, and a backup of the old version.
    plainWrite(here.at('file'), '{"x":');
    plainWrite(here.at('file~'), '[3,4]');
    assert.deepEqual(
      await readJson(here.at('file'), { schema: point, migrate, recover: 'backup', onRecover: () => undefined }),
      { x: 3, y: 4 },
    );
    await assert.rejects(readJson(here.at('file~'), { migrate: async (old) => old }), {
      code: 'ERR_INVALID_RETURN_VALUE',
    });
    // What it does not change is kept as it is written.
    plainWrite(here.at('big'), '[12345678901234567890,{"n":1}]');
    await updateJson(here.at('big'), (old) => old, { migrate: (old) => ({ list: old }) });
    assert.equal(readFileSync(here.at('big'), 'utf8'), '{"list":[12345678901234567890,{"n":1}]}');
  });

  it('is typed by its schema', async () => {
    await writeJson(here.at('file'), { x: 1, y: 2 }, { schema: point });
    // @ts-expect-error -- y is missing
    await assert.rejects(writeJson(here.at('file'), { x: 1 }, { schema: point }), JsonError);
    // @ts-expect-error -- no number
    assert.throws(() => writeJsonSync(here.at('file'), { x: '1' }, { schema: point }), JsonError);
    await assert.rejects(
      // @ts-expect-error -- no object
      transaction((tx) => tx.writeJson(here.at('file'), 'x', { schema: point })),
      JsonError,
    );
    await writeJson(here.at('file'), 'anything', { indent: 2 });
  });
});
