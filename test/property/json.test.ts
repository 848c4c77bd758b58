import assert from 'node:assert/strict';
import { writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { firstFault } from '#untorn/json/json-fault.js';
import { indentJson } from '#untorn/json/json-text.js';
import { stringify } from '#untorn/json/json-strict.js';
import * as fc from 'fast-check';
import { readJsonSync, writeJsonSync } from 'untorn';
import { scratch } from '../support/scratch.ts';

const text = fc.string({ unit: 'binary', maxLength: 8 });
const json = fc.jsonValue({ stringUnit: 'binary', maxDepth: 5 });

describe('JSON, for any value', () => {
  const here = scratch();

  it('is read as it was written, in any layout', () => {
    fc.assert(
      fc.property(
        json,
        fc.constantFrom(undefined, 0, 1, '\t'),
        fc.constantFrom('', '\n', '\r\n'),
        (value, indent, end) => {
          plainWrite(here.at('file'), `{\r\n   "old": 1\r\n}${end}`);
          writeJsonSync(here.at('file'), value, { indent, durability: 'off' });
          assert.deepEqual(readJsonSync(here.at('file')), JSON.parse(JSON.stringify(value)));
        },
      ),
    );
  });

  it('is indented as JSON.stringify() does it', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(' ', '    ', '\t'), (value, indent) =>
        assert.equal(indentJson(JSON.stringify(value), indent, '\n'), JSON.stringify(value, undefined, indent)),
      ),
    );
  });

  it('is what JSON.stringify() makes of it, or refused if that is another value', () => {
    const lost = fc.constantFrom(
      undefined,
      Number.NaN,
      Infinity,
      1n,
      new Map(),
      Symbol('a'),
      () => 1,
      new Date(Number.NaN),
      new Date(0),
      new Uint8Array(1),
    );
    const values = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(text, fc.integer(), fc.constant(null), lost),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(text, tie('value'), { maxKeys: 3 }),
      ),
    })).value;
    const holds = (value: unknown): boolean => {
      if (Array.isArray(value)) return value.every((item) => item !== undefined && holds(item));
      if (value instanceof Date) return !Number.isNaN(value.getTime());
      if (typeof value !== 'object' || value === null)
        return ['string', 'boolean'].includes(typeof value) || value === null || Number.isFinite(value);
      return (
        !(value instanceof Map) &&
        !ArrayBuffer.isView(value) &&
        Object.values(value).every((item) => item === undefined || holds(item))
      );
    };
    fc.assert(
      fc.property(values, (value) => {
        if (holds(value)) assert.equal(stringify(value), JSON.stringify(value));
        else
          assert.throws(() => stringify(value), {
            name: 'TypeError',
            message: /^"value.*" is .*, which JSON cannot hold(?:; await it before)?$/s,
          });
      }),
      { numRuns: 1000 },
    );
  });

  it('shows a fault where it is, within the word or number', () => {
    fc.assert(
      fc.property(json, fc.nat(), fc.constantFrom(undefined, 2), (value, place, indent) => {
        const whole = JSON.stringify(value, undefined, indent);
        const at = place % (whole.length + 1);
        const fault = firstFault(`${whole.slice(0, at)}\u0001${whole.slice(at)}`);
        assert.ok(fault <= at && fault >= at - 6, `${fault} for ${at}`);
        assert.equal(firstFault(`[${whole.slice(0, at)}`) <= at + 1, true);
        assert.equal(firstFault(whole), whole.length);
      }),
      { numRuns: 1000 },
    );
  });
});
