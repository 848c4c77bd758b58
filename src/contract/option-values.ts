/** Checks of single option values: each gives the value, or an error that names the option. */
import { ownSignal } from './abort.ts';
import { describe } from './describe.ts';
import { misuse, noCallback, outOfRange } from './errors.ts';

/**
 * The fields of an options object, read once: nothing that the caller does to it later, or within a getter, changes
 * them.
 */
export type Fields = Readonly<Record<string, unknown>>;

/** The fields of an options object that was not given. */
export const none: Fields = Object.freeze(Object.create(null) as Fields);

/**
 * Reads an options object. Inherited fields count, as in `node:fs`: without them, what a class or
 * `Object.create(defaults)` gives would be silently ignored. Fields on `Object.prototype` do not count, since nobody
 * gave them to this call.
 */
export function record(value: unknown, name: string, known: readonly string[]): Fields {
  if (value === undefined || value === null) return none;
  if (typeof value !== 'object' || Array.isArray(value))
    throw typeof value === 'function' ? noCallback(`"${name}" must be an object`) : wrongType(name, 'an object', value);
  const given: string[] = [];
  for (
    let level: object | null = value;
    level !== null && !isObjectPrototype(level);
    level = Object.getPrototypeOf(level) as object | null
  ) {
    for (const field of Object.getOwnPropertyNames(level)) {
      if (known.includes(field)) given.push(field);
      // A misspelt option must not be ignored. The methods of a class are not options.
      else if (Object.prototype.propertyIsEnumerable.call(level, field)) throw unknownOption(name, field);
    }
  }
  const fields = Object.create(null) as Record<string, unknown>;
  // A field may be on several levels, and a getter counts once.
  for (const field of given) if (!(field in fields)) fields[field] = (value as Fields)[field];
  return fields;
}

export function unknownOption(name: string, field: string): TypeError {
  return misuse('ERR_INVALID_ARG_VALUE', `"${name}.${field}" is not an option`);
}

/** Whether it is the Object.prototype of this realm or of another. */
function isObjectPrototype(level: object): boolean {
  return (
    level === Object.prototype ||
    (Object.getPrototypeOf(level) === null &&
      Object.hasOwn(level, 'isPrototypeOf') &&
      Object.hasOwn(level, 'hasOwnProperty'))
  );
}

export function oneOf<const T extends string>(
  options: Fields,
  field: string,
  values: readonly [T, ...T[]],
  within = 'options.',
): T {
  const value = options[field];
  if (value === undefined) return values[0];
  if (values.includes(value as T)) return value as T;
  throw misuse('ERR_INVALID_ARG_VALUE', `"${within}${field}" must be ${list(values)}, not ${describe(value)}`);
}

function list(values: readonly string[]): string {
  const quoted = values.map((value) => `'${value}'`);
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

export function flag(options: Fields, field: string, otherwise: boolean, within = 'options.'): boolean {
  const value = options[field];
  if (value === undefined) return otherwise;
  if (typeof value === 'boolean') return value;
  throw wrongType(within + field, 'a boolean', value);
}

export function readEncoding(value: unknown): BufferEncoding {
  if (value === undefined || value === null) return 'utf8';
  if (typeof value === 'string' && Buffer.isEncoding(value)) return value;
  throw misuse(
    'ERR_INVALID_ARG_VALUE',
    `"options.encoding" must be an encoding that Buffer knows, not ${describe(value)}`,
  );
}

export function readSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value)
    return ownSignal(value as AbortSignal);
  throw wrongType('options.signal', 'an AbortSignal', value);
}

export function readDuration(value: unknown, name: string, otherwise: number, shortest = 0): number {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (!(value >= shortest && value <= 0x7fffffff))
    throw outOfRange(`"${name}" must be between ${shortest} and 2147483647 milliseconds, not ${value}`);
  return value;
}

/** An age in milliseconds; undefined if none is given. */
export function readAge(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number') throw wrongType('options.olderThan', 'a number', value);
  if (!(value >= 0)) throw outOfRange(`"options.olderThan" must be a number of milliseconds from 0, not ${value}`);
  return value;
}

/** How often something is tried again. */
export function readRetries(fields: Fields): number {
  const value = fields['retries'];
  if (value === undefined) return 0;
  if (typeof value !== 'number') throw wrongType('options.retries', 'a number', value);
  if (!Number.isInteger(value) || value < 0)
    throw outOfRange(`"options.retries" must be a whole number from 0, not ${value}`);
  if (value > 0 && fields['ifMatch'] !== undefined)
    throw misuse('ERR_INVALID_ARG_VALUE', `"options.retries" contradicts "options.ifMatch", which is one version`);
  return value;
}

export function readId(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  // 4294967295 is -1 to chown(2), which means "leave it".
  if (!Number.isInteger(value) || value < 0 || value >= 0xffffffff)
    throw outOfRange(`"${name}" must be a whole number from 0 to 4294967294, not ${value}`);
  return value;
}

export function readNamePart(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
  if (/[/\\\0]/.test(value))
    throw misuse('ERR_INVALID_ARG_VALUE', `"${name}" must not contain a slash, a backslash or a null byte`);
  if (Buffer.byteLength(value) > 64) throw outOfRange(`"${name}" must not be longer than 64 bytes`);
  return value;
}

export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return misuse('ERR_INVALID_ARG_TYPE', `"${name}" must be ${expected}, not ${describe(value)}`);
}

/** Fails unless an argument is a function. */
export function assertFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value);
}
