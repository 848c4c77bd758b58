/** The options of the JSON functions, and their checks. */
import {
  describe,
  misuse,
  outOfRange,
  record,
  type Fields,
  type WriteOptions,
  type PathLike,
  type PathName,
} from '../contract/index.ts';
import { absolutePath } from '../system/index.ts';
import { readOptions, type Settings } from '../files/index.ts';
import { readCodec, type AnyFormat, type Codec } from './format.ts';
import type { JsonError } from './json-error.ts';
import type { Replacer } from './json-strict.ts';
import type { Reviver } from './json-text.ts';
import { readSchema, type StandardSchema } from './schema.ts';

/** A backup was read instead of a damaged file. */
export interface Recovery {
  /** The damaged file. */
  readonly path: PathName;
  /** The file that was read instead. */
  readonly backupPath: PathName;
  /** What is wrong with the file. */
  readonly error: JsonError;
}

/** How to read JSON. */
export interface ReadJsonOptions<T = unknown> {
  /** Another format than JSON, of the file and its backups. @default JSON */
  format?: AnyFormat<T> | AnyFormat | undefined;
  /** Validates the value that was read; the schema's output is returned. The error has its issues. @default none */
  schema?: StandardSchema | undefined;
  /** Like that of `JSON.parse`; not with a `format`. @default none */
  reviver?: Reviver | undefined;
  /**
   * Converts a value of an older version of the program into one for the schema: called with every value read, before
   * validation; not with `initial`.
   * @default none
   */
  migrate?: ((value: unknown) => unknown) | undefined;
  /**
   * The value of a missing file, or a function that makes it. It is treated as if it had been read from the file, so
   * that no two calls share it. An empty file is not missing but damaged.
   * @default none: a missing file is an error (`ENOENT`), and `undefined` to an update
   */
  initial?: T | (() => T) | undefined;
  /**
   * A file that is not JSON (empty, cut short, not UTF-8), or that its `format` cannot parse: fail, or read the newest good backup: `'backup'` looks for
   * `name~` and `name.~1~` and so on beside it.
   * @default 'error'
   */
  recover?: 'error' | 'backup' | { backup: PathLike } | undefined;
  /** Called after a recovery. @default a process warning with the code `UNTORN_RECOVERED` */
  onRecover?: ((recovery: Recovery) => void) | undefined;
  /** Aborts the reading. @default none */
  signal?: AbortSignal | undefined;
}

/** How to write JSON. */
export interface WriteJsonOptions extends Omit<WriteOptions, 'encoding'> {
  /**
   * Another format than JSON. Its `stringify` is called when the turn of the write has come, and the file that it
   * replaces is known: changes to the value until then are written too. A change by others between that moment and the
   * rename is replaced; {@link updateJson} excludes that.
   * @default JSON
   */
  format?: AnyFormat | undefined;
  /**
   * Spaces for each level (up to 10), or the spaces and tabs themselves; 0: all in one line. `{ default: 2 }`: only if
   * the replaced file has no indentation, or does not exist. Not with a `format`.
   * @default as in the replaced file (line ends too); a new file is one line with a newline at its end
   */
  indent?: number | string | { default: number | string } | undefined;
  /** Like that of `JSON.stringify`, but not an array; not with a `format`. @default none */
  replacer?: Replacer | undefined;
  /** Validates the new content of the file; the error has its issues. The value is written unchanged. @default none */
  schema?: StandardSchema | undefined;
}

/** Reading options that have been read. */
export interface ReadSettings {
  /** Undefined: JSON. */
  readonly format: Codec | undefined;
  readonly schema: StandardSchema | undefined;
  readonly reviver: Reviver | undefined;
  readonly migrate: ((value: unknown) => unknown) | undefined;
  readonly initial: unknown;
  readonly recover: { readonly backup: PathName | undefined } | undefined;
  readonly onRecover: (recovery: Recovery) => void;
}

/** The writing functions' own options, besides those of every write. */
export const formatOptions = ['format', 'indent', 'replacer', 'schema'] as const;
/** The options of the reading functions only. */
export const readingOptions = ['reviver', 'migrate', 'initial', 'recover', 'onRecover'] as const;
const known = [...readingOptions, 'format', 'schema', 'signal'];

/** Reads the options of a reading function, and the signal that aborts it. */
export function readReadOptions(given: ReadJsonOptions | null | undefined): {
  readonly reading: ReadSettings;
  readonly settings: Settings;
} {
  const fields = record(given, 'options', known);
  return {
    reading: readReading(fields),
    settings: readOptions({ signal: fields['signal'] as AbortSignal | undefined }),
  };
}

/** Reads the reading options among others. */
export function readReading(options: Fields): ReadSettings {
  return {
    format: readCodec(options),
    schema: readSchema(options['schema']),
    reviver: readFunction('reviver', options['reviver']) as Reviver | undefined,
    migrate: readFunction('migrate', options['migrate']) as ReadSettings['migrate'],
    initial: options['initial'],
    recover: readRecover(options['recover']),
    onRecover: (readFunction('onRecover', options['onRecover']) as ReadSettings['onRecover'] | undefined) ?? warn,
  };
}

export function readFunction(name: string, value: unknown): ((...given: never[]) => unknown) | undefined {
  if (value === undefined || typeof value === 'function') return value as (() => unknown) | undefined;
  throw misuse('ERR_INVALID_ARG_TYPE', `"options.${name}" must be a function, not ${describe(value)}`);
}

function readRecover(value: unknown): ReadSettings['recover'] {
  if (value === undefined || value === 'error') return undefined;
  if (value === 'backup') return { backup: undefined };
  if (typeof value === 'object' && value !== null)
    return {
      backup: absolutePath(
        record(value, 'options.recover', ['backup'])['backup'] as PathLike,
        'options.recover.backup',
      ),
    };
  throw misuse(
    'ERR_INVALID_ARG_VALUE',
    `"options.recover" must be 'error', 'backup' or { backup: path }, not ${describe(value)}`,
  );
}

function warn({ error, backupPath }: Recovery): void {
  process.emitWarning(`${error.message}; "${backupPath.toString()}" was read instead`, { code: 'UNTORN_RECOVERED' });
}

/** The indentation of one level, and when it is used. */
export interface Indentation {
  /** Undefined: as in the existing file. */
  readonly forced?: string | undefined;
  readonly otherwise?: string | undefined;
}

export function readIndent(value: unknown): Indentation {
  if (typeof value !== 'object' || value === null) return { forced: indentation(value) };
  return { otherwise: indentation(record(value, 'options.indent', ['default'])['default']) };
}

function indentation(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number') {
    if (!Number.isInteger(value) || value < 0 || value > 10)
      throw outOfRange(`"options.indent" must be a whole number from 0 to 10, not ${value}`);
    return ' '.repeat(value);
  }
  // Other text between the values would not be JSON.
  if (typeof value === 'string' && /^[ \t]{0,10}$/.test(value)) return value;
  throw misuse(
    'ERR_INVALID_ARG_VALUE',
    `"options.indent" must be a number, or up to 10 spaces and tabs, not ${describe(value)}`,
  );
}

/** How a value becomes text. */
export interface FormatSettings {
  /** Undefined: JSON. */
  readonly format: Codec | undefined;
  readonly indent: Indentation;
  readonly replacer: Replacer | undefined;
  readonly schema: StandardSchema | undefined;
}

export function readFormat(settings: Pick<Settings, 'encoding'>, options: Fields): FormatSettings {
  assertUtf8(settings);
  return {
    format: readCodec(options),
    indent: readIndent(options['indent']),
    replacer: readFunction('replacer', options['replacer']) as Replacer | undefined,
    schema: readSchema(options['schema']),
  };
}

/** Fails if another encoding was asked for. */
export function assertUtf8({ encoding }: Pick<Settings, 'encoding'>): void {
  if (!/^utf-?8$/i.test(encoding))
    throw misuse(
      'ERR_INVALID_ARG_VALUE',
      `"options.encoding" must be 'utf8', as all JSON is, not ${describe(encoding)}`,
    );
}
