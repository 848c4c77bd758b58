import type { PathLike, WriteResult } from '../contract/index.ts';
import { runAsync, environment, targetPath, type Steps, runSync } from '../system/index.ts';
import { newLook, newOperation, readOptionsAnd, type Operation } from '../files/index.ts';
import { Turn } from '../order/index.ts';
import {
  formatOptions,
  readFormat,
  readReadOptions,
  type ReadJsonOptions,
  type WriteJsonOptions,
} from './json-options.ts';
import { readJsonFile } from './read-json.ts';
import type { SchemaInput, SchemaOutput, StandardSchema } from './schema.ts';
import { newValue, replaceWithValue, type NewValue } from './write-json.ts';

/**
 * Reads a JSON file, or a file of another `format` (see {@link Format} and {@link BinaryFormat}).
 *
 * Content that is not UTF-8 or not JSON is an error with the line and the column, never with a part of the content; a
 * byte order mark is skipped. With a `schema` (of any library that follows https://standardschema.dev) its output is
 * returned, with its type.
 *
 * @see docs/guides/configuration.md
 * @throws {JsonError} by rejecting: `'ERR_UNTORN_JSON_SYNTAX'`, `'ERR_UNTORN_JSON_ENCODING'`,
 * `'ERR_UNTORN_JSON_SCHEMA'` with `issues`.
 * @throws {WriteError} by rejecting, with the system's code, if it cannot be read (`ENOENT` unless there is an
 * `initial` value).
 * @example Read settings, which may not be there yet, or may be damaged
 * ```ts
 * const settings = await readJson('settings.json', { initial: { theme: 'dark' }, recover: 'backup' });
 * ```
 */
export async function readJson<S extends StandardSchema>(
  path: PathLike,
  options: ReadJsonOptions<SchemaInput<S>> & { schema: S },
): Promise<SchemaOutput<S>>;
export async function readJson<T = unknown>(
  path: PathLike,
  options?: (ReadJsonOptions<T> & { schema?: undefined }) | null,
): Promise<T>;
export async function readJson(path: PathLike, options?: ReadJsonOptions | null): Promise<unknown> {
  return runAsync(reading(path, options, false));
}

/** Reads a JSON file, blocking; see {@link readJson}. A schema that validates asynchronously is a TypeError. */
export function readJsonSync<S extends StandardSchema>(
  path: PathLike,
  options: ReadJsonOptions<SchemaInput<S>> & { schema: S },
): SchemaOutput<S>;
export function readJsonSync<T = unknown>(
  path: PathLike,
  options?: (ReadJsonOptions<T> & { schema?: undefined }) | null,
): T;
export function readJsonSync(path: PathLike, options?: ReadJsonOptions | null): unknown {
  return runSync(reading(path, options, true));
}

function reading(path: PathLike, options: ReadJsonOptions | null | undefined, blocking: boolean): Steps<unknown> {
  const { reading: how, settings } = readReadOptions(options);
  return readJsonFile(newLook('read', targetPath(path), settings, environment, blocking), how);
}

/**
 * Replaces the file at `path` with a value as JSON, like {@link writeFile}.
 *
 * The value is read at the call. Values that JSON would lose are a TypeError before anything is touched: functions,
 * symbols, BigInts, NaN and infinities, invalid dates, cycles, and objects that would become `{}` or worse, as a Map or
 * an Error. Undefined properties are left out. Without `indent` an existing file keeps its indentation, line ends and
 * final newline. With a `format` its `stringify` makes the content, of the value as it is when the turn of the write has
 * come, and its errors are passed on; nothing is touched then.
 *
 * @see docs/guides/configuration.md
 * @throws {WriteError} by rejecting; `outcome` tells which content the file has.
 * @throws {JsonError} by rejecting: `'ERR_UNTORN_JSON_SCHEMA'`, if the schema refuses the new content of the file.
 * @throws {TypeError | RangeError} by rejecting, for wrong arguments, before anything is touched.
 * @example Write settings
 * ```ts
 * await writeJson('settings.json', { theme: 'dark' }, { indent: 2 });
 * ```
 */
export async function writeJson<S extends StandardSchema>(
  path: PathLike,
  value: SchemaInput<S>,
  options?: (WriteJsonOptions & { schema?: S | undefined }) | null,
): Promise<WriteResult> {
  const { operation, made } = readArguments(path, value, options, false);
  return runAsync(replaceWithValue(operation, new Turn(operation), made));
}

/**
 * Replaces a file with a value as JSON, blocking; see {@link writeJson}. A schema that validates asynchronously is a
 * TypeError.
 */
export function writeJsonSync<S extends StandardSchema>(
  path: PathLike,
  value: SchemaInput<S>,
  options?: (WriteJsonOptions & { schema?: S | undefined }) | null,
): WriteResult {
  const { operation, made } = readArguments(path, value, options, true);
  return runSync(replaceWithValue(operation, new Turn(operation), made));
}

function readArguments(
  path: PathLike,
  value: unknown,
  options: WriteJsonOptions | null | undefined,
  blocking: boolean,
): { operation: Operation; made: NewValue } {
  const { settings, fields } = readOptionsAnd(options, formatOptions);
  const format = readFormat(settings, fields);
  const target = targetPath(path);
  const made = newValue(target, value, format);
  return { operation: newOperation(target, settings, environment, blocking), made };
}
