import {
  codeOf,
  cutName,
  join,
  split,
  surround,
  type PathLike,
  type PathName,
  readRetries,
  type UpdateOptions,
  type UpdateResult,
  unchanged,
  type Kept,
} from '../contract/index.ts';
import { runAsync, call, type Steps, runSync } from '../system/index.ts';
import { reporting, readOptionsAnd, type Operation, type Read } from '../files/index.ts';
import { Turn } from '../order/index.ts';
import { updateTarget, type Change } from '../replace/index.ts';
import { lockedWrite, outcomeOf, type UpdateInfo } from '../update/index.ts';
import type { OddNumbers } from './json-numbers.ts';
import { keepingOptions, lossesOf, readKeeping } from './json-keeping.ts';
import {
  formatOptions,
  type FormatSettings,
  readFormat,
  readingOptions,
  readReading,
  type ReadJsonOptions,
  type Recovery,
  type WriteJsonOptions,
} from './json-options.ts';
import { stringify } from './json-strict.ts';
import { compact, encode, indentedBy, layOut, layoutOf } from './json-text.ts';
import { validated, valueOf, type FoundJson } from './read-json.ts';
import { made } from './write-json.ts';
import type { SchemaInput, SchemaOutput, StandardSchema } from './schema.ts';

/** Options of an update of JSON: those of reading and of writing. */
export interface UpdateJsonOptions<T = unknown>
  extends
    Omit<WriteJsonOptions, 'format'>,
    Omit<ReadJsonOptions<T>, 'schema' | 'signal'>,
    Pick<UpdateOptions, 'retries'> {
  /**
   * Numbers that `update` does not change: written as in the file, also if a double has fewer digits or is not as
   * large, or as `JSON.stringify` writes the double. If several numbers of the file are the same double, and it is
   * unclear which to write, `'keep'` is an error. Not with a `format`.
   * @default 'keep'
   */
  numbers?: 'keep' | 'double' | undefined;
  /**
   * A file with two properties of one name in one object: fail, or lose all but the last, which a program sees. Not
   * with a `format`.
   * @default 'refuse'
   */
  duplicateKeys?: 'refuse' | 'last' | undefined;
}

/** What an update receives besides the value. */
export interface UpdateJsonInfo extends UpdateInfo {
  /** Set if the value is a backup's, since the file is damaged. */
  readonly recovery: Recovery | undefined;
}

/** What an update of JSON did. */
export interface UpdateJsonResult<T = unknown> extends UpdateResult {
  /** The value that the file has now, as the update returned it; as it was read, after `unchanged`. */
  readonly value: T;
  /** Set if a backup was read, since the file was damaged; the damaged file is then at `backupPath`. */
  readonly recovery: Recovery | undefined;
}

type Returned<T> = T | Kept | PromiseLike<T | Kept>;
type Initial<T> = T | (() => T);

/**
 * Replaces a JSON file by the result of `update` for its value, and loses no update of others: {@link updateFile} with
 * a value.
 *
 * `update` returns the new value, or {@link unchanged}; changing the old one in place and returning nothing is an
 * error. It receives `undefined` if there is no file and no `initial` value. With a `schema` it receives the schema's
 * output, and its result must pass the schema. With `recover` an update of a damaged file begins with the newest good
 * backup, and keeps the damaged file beside it as `name.damaged`.
 *
 * @see docs/guides/configuration.md
 * @throws as {@link readJson}, {@link writeJson} and {@link updateFile}; then nothing was changed, unless a
 * {@link WriteError} says so.
 * @example Count
 * ```ts
 * await updateJson('state.json', (state) => ({ ...state, count: state.count + 1 }), { initial: { count: 0 } });
 * ```
 */
export function updateJson<S extends StandardSchema>(
  path: PathLike,
  update: (value: SchemaOutput<S>, info: UpdateJsonInfo) => Returned<SchemaInput<S> | SchemaOutput<S>>,
  options: UpdateJsonOptions<SchemaInput<S>> & { schema: S; initial: Initial<SchemaInput<S>> },
): Promise<UpdateJsonResult<SchemaInput<S> | SchemaOutput<S>>>;
export function updateJson<S extends StandardSchema>(
  path: PathLike,
  update: (value: SchemaOutput<S> | undefined, info: UpdateJsonInfo) => Returned<SchemaInput<S> | SchemaOutput<S>>,
  options: UpdateJsonOptions<SchemaInput<S>> & { schema: S; initial?: undefined },
): Promise<UpdateJsonResult<SchemaInput<S> | SchemaOutput<S>>>;
export function updateJson<T>(
  path: PathLike,
  update: (value: T, info: UpdateJsonInfo) => Returned<T>,
  options: UpdateJsonOptions<T> & { initial: Initial<T> },
): Promise<UpdateJsonResult<T>>;
export function updateJson<T = unknown>(
  path: PathLike,
  update: (value: T | undefined, info: UpdateJsonInfo) => Returned<T>,
  options?: UpdateJsonOptions<T> | null,
): Promise<UpdateJsonResult<T>>;
export async function updateJson(
  path: PathLike,
  update: (value: never, info: UpdateJsonInfo) => unknown,
  options?: UpdateJsonOptions | null,
): Promise<UpdateJsonResult> {
  return runAsync(updating(path, update, options, false));
}

/**
 * Replaces a JSON file by the result of `update` for its value, blocking; see {@link updateJson} and
 * {@link updateFileSync}.
 */
export function updateJsonSync<S extends StandardSchema>(
  path: PathLike,
  update: (value: SchemaOutput<S>, info: UpdateJsonInfo) => SchemaInput<S> | SchemaOutput<S> | Kept,
  options: UpdateJsonOptions<SchemaInput<S>> & { schema: S; initial: Initial<SchemaInput<S>> },
): UpdateJsonResult<SchemaInput<S> | SchemaOutput<S>>;
export function updateJsonSync<S extends StandardSchema>(
  path: PathLike,
  update: (value: SchemaOutput<S> | undefined, info: UpdateJsonInfo) => SchemaInput<S> | SchemaOutput<S> | Kept,
  options: UpdateJsonOptions<SchemaInput<S>> & { schema: S; initial?: undefined },
): UpdateJsonResult<SchemaInput<S> | SchemaOutput<S>>;
export function updateJsonSync<T>(
  path: PathLike,
  update: (value: T, info: UpdateJsonInfo) => T | Kept,
  options: UpdateJsonOptions<T> & { initial: Initial<T> },
): UpdateJsonResult<T>;
export function updateJsonSync<T = unknown>(
  path: PathLike,
  update: (value: T | undefined, info: UpdateJsonInfo) => T | Kept,
  options?: UpdateJsonOptions<T> | null,
): UpdateJsonResult<T>;
export function updateJsonSync(
  path: PathLike,
  update: (value: never, info: UpdateJsonInfo) => unknown,
  options?: UpdateJsonOptions | null,
): UpdateJsonResult {
  return runSync(updating(path, update, options, true));
}

function* updating(
  path: PathLike,
  update: (value: never, info: UpdateJsonInfo) => unknown,
  options: UpdateJsonOptions | null | undefined,
  blocking: boolean,
): Steps<UpdateJsonResult> {
  const { settings, fields } = readOptionsAnd(options, [
    ...formatOptions,
    ...readingOptions,
    ...keepingOptions,
    'retries',
  ]);
  const retries = readRetries(fields);
  const format = readFormat(settings, fields);
  const reading = readReading(fields);
  const keeping = readKeeping(fields);
  const operation = lockedWrite(path, update, settings, blocking);
  let found: FoundJson | undefined;
  let value: unknown;
  const change: Change = function* (old, version, rereading) {
    operation.settings = settings;
    try {
      let latest = version;
      function* again(): Steps<Read> {
        const read = yield* rereading.again();
        latest = read.version;
        return { ...read };
      }
      found = yield* valueOf(operation, reading, old, { ...rereading, again });
      ({ value } = found);
      const { recovery, bytes } = found;
      const losses =
        bytes === undefined || reading.format !== undefined
          ? undefined
          : lossesOf(operation.given, bytes, found.value, reading, keeping);
      const outcome = yield* outcomeOf(operation, () =>
        update(value as never, { version: latest, path: operation.path, recovery }),
      );
      if ('error' in outcome) return outcome;
      if (outcome.value === unchanged) return { content: undefined };
      ({ value } = outcome);
      if (losses?.duplicate !== undefined) throw losses.duplicate;
      const content = yield* newContent(operation, value, format, bytes, losses?.numbers);
      // Another backup would take the place of the good one.
      if (recovery !== undefined)
        operation.settings = {
          ...settings,
          backup: { kind: 'path', path: yield* reporting(operation, freeName(operation.path)) },
        };
      return { content: { kind: 'bytes', bytes: content } };
    } catch (error) {
      return { error };
    }
  };
  const updated = yield* updateTarget(operation, new Turn(operation), change, retries);
  if ('error' in updated) throw updated.error;
  return { ...updated.result, value, recovery: found?.recovery };
}

/** The content for a value, in the layout of the content that it replaces. */
function* newContent(
  operation: Operation,
  value: unknown,
  { format, indent, replacer, schema }: FormatSettings,
  previous: Buffer | undefined,
  numbers: OddNumbers | undefined,
): Steps<Buffer> {
  if (format !== undefined) return yield* made(operation, value, format, schema, previous);
  const text = stringify(value, replacer, indent.forced, numbers, operation.given);
  if (schema !== undefined) yield* validated(operation, schema, operation.given, JSON.parse(text), true);
  return indent.forced === undefined
    ? layOut(text, indentedBy(previous === undefined ? compact : layoutOf(previous), indent.otherwise))
    : encode(text, '\n');
}

/** A free name for the damaged file; others that would take it wait for the lock. */
function* freeName(path: PathName): Steps<PathName> {
  const { directory, name: own } = split(path);
  for (let number = 1; ; number++) {
    const name = join(directory, surround('', cutName(own, 240), number === 1 ? '.damaged' : `.damaged-${number}`));
    try {
      yield* call.lstat(name);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return name;
      throw error;
    }
  }
}
