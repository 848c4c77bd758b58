/** How single values of options are checked: each gives the value, or an error that names the option. */
import { ownSignal } from './abort.ts';
import { misuse, outOfRange } from './errors.ts';
import { describe } from './path.ts';

export type Fields = Record<string, unknown>;

export function record(value: unknown, name: string, allowed: (field: string) => boolean): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(name, 'an object', value);
  for (const field of Object.keys(value)) {
    // A misspelt option must not be a silent default.
    if (!allowed(field)) throw misuse('ERR_INVALID_ARG_VALUE', `"${name}.${field}" is not an option`);
  }
  return value as Fields;
}

export function oneOf<const T extends string>(options: Fields, field: string, values: readonly [T, ...T[]], within = 'options.'): T {
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
  throw misuse('ERR_INVALID_ARG_VALUE', `"options.encoding" must be an encoding that Buffer knows, not ${describe(value)}`);
}

export function readSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value) return ownSignal(value as AbortSignal);
  throw wrongType('options.signal', 'an AbortSignal', value);
}

export function readDuration(value: unknown, name: string, otherwise: number, shortest = 0): number {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (!(value >= shortest && value <= 0x7fffffff)) throw outOfRange(`"${name}" must be between ${shortest} and 2147483647 milliseconds, not ${value}`);
  return value;
}

export function readId(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  // 4294967295 is -1 to chown(2), which means "leave it".
  if (!Number.isInteger(value) || value < 0 || value >= 0xffffffff) throw outOfRange(`"${name}" must be a whole number from 0 to 4294967294, not ${value}`);
  return value;
}

export function readNamePart(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
  if (/[/\\\0]/.test(value)) throw misuse('ERR_INVALID_ARG_VALUE', `"${name}" must not contain a slash, a backslash or a null byte`);
  if (Buffer.byteLength(value) > 64) throw outOfRange(`"${name}" must not be longer than 64 bytes`);
  return value;
}

export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return misuse('ERR_INVALID_ARG_TYPE', `"${name}" must be ${expected}, not ${describe(value)}`);
}
