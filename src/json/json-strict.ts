/**
 * JSON.stringify() without its silent losses.
 *
 * Promise: a value that JSON cannot hold is a TypeError that says where it is: undefined (except as a property, which
 * is left out as everywhere), functions, symbols, BigInts, NaN and infinities, invalid dates, cycles, and built-in
 * objects that would become `{}`.
 */
import { isDate, isNumberObject } from 'node:util/types';
import { misuse, outOfRange, type PathName, isThenable } from '../contract/index.ts';
import type { OddNumbers, Origin } from './json-numbers.ts';
import { isOpaque, kindOf } from './opaque.ts';

/** A replacer in the form of JSON.stringify. */
export type Replacer = (this: unknown, key: string, value: unknown) => unknown;

/** A value as JSON. `numbers`: the numbers of the file that it replaces, which keep their form; `path`: that file. */
export function stringify(
  value: unknown,
  replacer?: Replacer,
  indent?: string,
  numbers?: OddNumbers,
  path?: PathName,
): string {
  try {
    return textOf(value, replacer, indent, numbers);
  } catch (error) {
    // The messages of V8 and JavaScriptCore.
    if (
      path === undefined ||
      !(error instanceof RangeError) ||
      !/call stack|string length|out of memory/i.test(error.message)
    )
      throw error;
    const what = /call stack/.test(error.message)
      ? 'is nested more deeply than this runtime can write'
      : 'is longer as JSON than a string can be';
    throw Object.assign(outOfRange(`The value for "${path.toString()}" ${what}; the file is untouched`), {
      cause: error,
    });
  }
}

function textOf(
  value: unknown,
  replacer: Replacer | undefined,
  indent: string | undefined,
  numbers: OddNumbers | undefined,
): string {
  if (numbers !== undefined) return numbers.putInto(JSON.stringify(value, checking(replacer, numbers), indent));
  // A replacer that examines everything makes it three times as slow, so it is used only if a quick look was not
  // enough.
  if (replacer === undefined && isPlain(value, 0)) return JSON.stringify(value, undefined, indent);
  return JSON.stringify(value, checking(replacer), indent);
}

/**
 * Whether a value contains only what JSON holds unchanged. It is one function, since it is called for each value: it
 * takes half the time of two.
 */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value !== 'object')
    return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  if (value === null) return true;
  if (depth === 500) return isDeepAndPlain(value);
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype === Date.prototype) return !Object.hasOwn(value, 'toJSON') && !Number.isNaN((value as Date).getTime());
  if ('toJSON' in value || Array.isArray(value) !== (prototype === Array.prototype)) return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isPlain(value[index], depth + 1)) return false;
    return true;
  }
  if (prototype !== Object.prototype && (prototype !== null || isOpaque(value))) return false;
  for (const key in value) {
    const property = (value as Record<string, unknown>)[key];
    if (property !== undefined && !isPlain(property, depth + 1)) return false;
  }
  return true;
}

/** The same for a deeply nested value, which may be a cycle, with no more stack than JSON.stringify() needs. */
function isDeepAndPlain(deep: object): boolean {
  const within = new Set<object>();
  const levels: { holder: object; values: Iterator<unknown> }[] = [];
  const enter = (holder: object): boolean => {
    if (within.has(holder) || !isPlainItself(holder)) return false;
    within.add(holder);
    levels.push({ holder, values: (Array.isArray(holder) ? (holder as unknown[]) : Object.values(holder)).values() });
    return true;
  };
  if (!enter(deep)) return false;
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const { value, done } = level.values.next();
    if (done === true) {
      within.delete(level.holder);
      levels.pop();
    } else if (typeof value === 'object' && value !== null) {
      if (!enter(value)) return false;
    } else if (!isPlain(value, 0) && (value !== undefined || Array.isArray(level.holder))) return false;
  }
  return true;
}

/** Whether JSON holds an object unchanged, whatever it contains. */
function isPlainItself(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype === Date.prototype) return !Object.hasOwn(value, 'toJSON') && !Number.isNaN((value as Date).getTime());
  if ('toJSON' in value || Array.isArray(value) !== (prototype === Array.prototype)) return false;
  return Array.isArray(value) || prototype === Object.prototype || (prototype === null && !isOpaque(value));
}

const nowhere: Origin = { node: undefined, isSure: false };

/** A replacer that refuses what would be lost. It sees each value after the value's own `toJSON`. */
function checking(replacer: Replacer | undefined, numbers?: OddNumbers): Replacer {
  /** The objects that are being written, outermost first, and their places. */
  const within: { object: unknown; where: string; origin: Origin }[] = [];
  return function check(this: unknown, key, given) {
    while (within.length > 0 && within.at(-1)?.object !== this) within.pop();
    const outer = within.at(-1);
    const isRoot = outer === undefined;
    const where = isRoot ? 'value' : place(outer.where, this, key);
    const origin = outer?.origin ?? numbers?.root ?? nowhere;
    if (isInvalidDate((this as Record<string, unknown>)[key])) throw refused(where, 'an invalid date');
    const value = replacer === undefined ? given : replacer.call(this, key, given);
    const kept = typeof value === 'number' ? numbers?.note(value, this as object, origin, key, where) : undefined;
    if (kept !== undefined) return kept;
    const lost = loss(value, isRoot || Array.isArray(this));
    if (lost !== undefined) throw refused(where, lost, isThenable(value));
    if (typeof value === 'object' && value !== null) {
      if (within.some(({ object }) => object === value)) throw refused(where, 'an object that contains itself');
      within.push({ object: value, where, origin: numbers?.originOf(value, this as object, origin, key) ?? nowhere });
    }
    return value;
  };
}

function refused(where: string, what: string, isLater = false): TypeError {
  return misuse(
    'ERR_INVALID_ARG_VALUE',
    `"${where}" is ${what}, which JSON cannot hold${isLater ? '; await it before' : ''}`,
  );
}

function place(where: string, holder: unknown, key: string): string {
  if (Array.isArray(holder)) return `${where}[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `${where}.${key}` : `${where}[${JSON.stringify(key)}]`;
}

/** A description of a value that JSON.stringify() would drop or change. */
function loss(value: unknown, undefinedToo: boolean): string | undefined {
  switch (typeof value) {
    case 'undefined':
      return undefinedToo ? 'undefined' : undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : String(value);
    case 'function':
    case 'symbol':
      return `a ${typeof value}`;
    case 'bigint':
      return 'a BigInt';
    case 'object':
      if (value === null) return undefined;
      if (isNumberObject(value)) return loss(Number(value), undefinedToo);
      return isOpaque(value) ? `an instance of ${kindOf(value)}` : undefined;
    default:
      return undefined;
  }
}

function isInvalidDate(value: unknown): boolean {
  return isDate(value) && Number.isNaN(Date.prototype.getTime.call(value));
}
