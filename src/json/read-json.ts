/**
 * Reading JSON from a file, or from its newest good backup.
 *
 * Promise: a value is the whole content of one version of the file. If the file is damaged and a backup was asked for,
 * it is that of the newest good backup; then the caller is told. A damaged file never counts as a missing one.
 */
import { codeOf, misuse, refusal, join, key, split, type PathName, isThenable } from '../contract/index.ts';
import type { FileStatus, Steps } from '../system/index.ts';
import {
  during,
  settled,
  closeDirectory,
  openDirectory,
  asWriteError,
  newOperation,
  throwIfAborted,
  type Operation,
  lookIn,
  readFound,
  readOptions,
  readPath,
  type Read,
  openTarget,
  closeTarget,
  type Target,
} from '../files/index.ts';
import { numbered, numbersBelieved, simple, whyNoBackup, type Rereading } from '../replace/index.ts';
import { isDamage, JsonError } from './json-error.ts';
import type { ReadSettings, Recovery } from './json-options.ts';
import { stringify } from './json-strict.ts';
import { parseJson } from './json-text.ts';
import { validate, type StandardSchema } from './schema.ts';
import { whileDamaged } from './steady.ts';

/** The value that was read. */
export interface FoundJson {
  readonly value: unknown;
  /** The bytes it was parsed from; undefined if the file is missing. */
  readonly bytes: Buffer | undefined;
  readonly recovery: Recovery | undefined;
}

/** The file's value, as the schema returns it. */
export function* readJsonFile(operation: Operation, settings: ReadSettings): Steps<unknown> {
  const read = yield* readPath(operation);
  if (read.content === undefined && settings.initial === undefined) throw missing(operation);
  return (yield* valueOf(operation, settings, read.content, { read, again: () => readPath(operation) })).value;
}

export function missing(operation: Operation): Error {
  return asWriteError(operation, Object.assign(refusal('ENOENT', 'it does not exist'), { syscall: 'open' }));
}

/** The value of a file's content; undefined if there is no content, and no initial value. */
export function* valueOf(
  operation: Operation,
  settings: ReadSettings,
  bytes: Buffer | undefined,
  rereading?: Rereading,
): Steps<FoundJson> {
  const { given } = operation;
  const found = (value: unknown): FoundJson => ({ value, bytes, recovery: undefined });
  if (bytes === undefined)
    return found(
      settings.initial === undefined
        ? undefined
        : yield* validated(operation, settings.schema, given, initialValue(given, settings)),
    );
  let value;
  try {
    value = parsed(given, bytes, settings);
  } catch (error) {
    if (codeOf(error) === 'ERR_STRING_TOO_LONG') throw asWriteError(operation, error);
    if (settings.recover === undefined || !isDamage(error)) throw error;
    if (rereading !== undefined) {
      const isDamaged = (read: Read): boolean => isDamagedFor(settings, read);
      const last = yield* whileDamaged(operation, operation.path, rereading.read, rereading.again, isDamaged);
      if (last === undefined) throw error;
      if (last.content === undefined && settings.initial === undefined && operation.locking === undefined)
        throw missing(operation);
      if (!isDamaged(last)) return yield* valueOf(operation, settings, last.content);
    }
    return yield* valueOfBackup(operation, settings, settings.recover, error);
  }
  return found(yield* validated(operation, settings.schema, given, migrated(settings, value)));
}

/** The value of a file, converted if an older version of the program wrote it. */
export function migrated({ migrate }: ReadSettings, value: unknown): unknown {
  const current = migrate === undefined ? value : migrate(value);
  if (isThenable(current))
    throw misuse('ERR_INVALID_RETURN_VALUE', '"options.migrate" returned a promise; only "update" may');
  return current;
}

/** The value of a file's content, as its format has it. */
export function parsed(
  path: PathName,
  bytes: Buffer,
  { format, reviver }: Pick<ReadSettings, 'format' | 'reviver'>,
): unknown {
  return format === undefined ? parseJson(path, bytes, reviver) : format.parse(path, bytes);
}

function isDamagedFor({ format }: ReadSettings, { content }: Read): boolean {
  try {
    if (content !== undefined) parsed('', content, { format, reviver: undefined });
    return false;
  } catch (error) {
    if (isDamage(error)) return true;
    throw error;
  }
}

/** The initial value as if it had been read: nobody else has it, and the format holds it. */
export function initialValue(path: PathName, { initial, reviver, format }: ReadSettings): unknown {
  const value: unknown = typeof initial === 'function' ? (initial as () => unknown)() : initial;
  if (isThenable(value))
    throw misuse('ERR_INVALID_RETURN_VALUE', '"options.initial" is, or returned, a promise; await it before');
  return format === undefined
    ? JSON.parse(stringify(value), reviver)
    : format.parse(path, format.contentOf(value, undefined), true);
}

/** The value of the newest backup with a valid value. */
function* valueOfBackup(
  operation: Operation,
  settings: ReadSettings,
  recover: NonNullable<ReadSettings['recover']>,
  error: JsonError,
): Steps<FoundJson> {
  const target = yield* openTarget(
    newOperation(operation, readOptions(undefined), operation.environment, operation.blocking),
  );
  try {
    for (const backupPath of recover.backup === undefined ? yield* backupsOf(operation, target) : [recover.backup]) {
      const bytes = yield* readBackup(operation, target, backupPath);
      if (bytes === undefined) continue;
      let value;
      try {
        value = yield* validated(
          operation,
          settings.schema,
          backupPath,
          migrated(settings, parsed(backupPath, bytes, settings)),
        );
      } catch (fault) {
        if (!JsonError.isJsonError(fault)) throw fault;
        continue;
      }
      const recovery = { path: operation.path, backupPath, error };
      settings.onRecover(recovery);
      return { value, bytes, recovery };
    }
    throw error;
  } finally {
    closeTarget(operation, target);
  }
}

/** The backups of the file, with symbolic links to it followed, and wherever `backup` puts them: newest first. */
function* backupsOf(operation: Operation, target: Target): Steps<PathName[]> {
  const numbers = yield* numbersBelieved(operation, target);
  const paths = [simple(target.name), ...numbers.map((number) => numbered(target.name, number))].map((name) =>
    join(target.directoryPath, name),
  );
  const { backup } = operation.settings;
  if (backup?.kind === 'path') paths.push(backup.path);
  const found: { path: PathName; changed: bigint }[] = [];
  for (const path of paths) {
    const status = yield* beside(operation, target, path, (folder, name) => lookIn(folder, name));
    if (status !== undefined) found.push({ path, changed: status.mtimeNs });
  }
  return found.toSorted((a, b) => Number(b.changed - a.changed)).map(({ path }) => path);
}

/**
 * The content of a backup that is trusted to be one of this file: a link of that name may lead to a file that others
 * may not read.
 */
function* readBackup(operation: Operation, target: Target, path: PathName): Steps<Buffer | undefined> {
  throwIfAborted(operation);
  const whyNot =
    ({ directory }: Opened) =>
    (status: FileStatus) =>
      whyNoBackup(operation, directory.status, target.existing, status);
  const reading = yield* during(
    operation,
    'read',
    beside(operation, target, path, (folder, name) => readFound(folder, name, whyNot(folder))),
  );
  return reading?.kind === 'own' ? Buffer.from(reading.bytes.buffer, 0, reading.bytes.byteLength) : undefined;
}

type Opened = Pick<Target, 'directory' | 'directoryPath'>;

/** Performs steps in the directory of a path, the file's own or another; undefined if there is none. */
function* beside<T>(
  operation: Operation,
  place: Opened,
  path: PathName,
  steps: (folder: Opened, name: PathName) => Steps<T>,
): Steps<T | undefined> {
  const { directory: directoryPath, name } = split(path);
  if (key(directoryPath) === key(place.directoryPath)) return yield* steps(place, name);
  let directory;
  try {
    directory = yield* openDirectory(operation, directoryPath);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
  try {
    return yield* steps({ directory, directoryPath }, name);
  } finally {
    closeDirectory(operation, directory);
  }
}

/** The output of the schema for a value. */
export function* validated(
  operation: Operation,
  schema: StandardSchema | undefined,
  path: PathName,
  value: unknown,
  isNew = false,
): Steps<unknown> {
  const result = validate(schema, path, value, isNew);
  if (!('later' in result)) return result.value;
  const { later } = result;
  if (!operation.blocking) return yield* settled(operation, later);
  // Nobody awaits it any more.
  later.catch(() => undefined);
  throw misuse(
    'ERR_INVALID_ARG_VALUE',
    '"options.schema" validates asynchronously, which a synchronous call cannot wait for',
  );
}
