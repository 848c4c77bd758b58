import { display, type PathName } from '../contract/index.ts';

/** What a schema found wrong, and where. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a {@link JsonError} is made of. */
export interface JsonErrorDetails {
  path: PathName;
  /** What is wrong, in words. */
  reason: string;
  line?: number;
  column?: number;
  issues?: readonly SchemaIssue[];
  /** Whether it is not the file that is wrong, but the value that was to be written to it. */
  isNew?: boolean;
}

const brand: unique symbol = Symbol.for('untorn.JsonError');

/**
 * A file that does not hold what it should, or a value that was not written since the schema does not want it. Nothing was changed.
 *
 * Its message tells the place and not the content, which may be secret.
 */
export class JsonError extends Error {
  /**
   * - `'ERR_UNTORN_JSON_SYNTAX'`: it is no JSON (an empty file too).
   * - `'ERR_UNTORN_JSON_ENCODING'`: it is not UTF-8.
   * - `'ERR_UNTORN_JSON_SCHEMA'`: the schema has {@link issues}.
   * - `'ERR_UNTORN_JSON_DUPLICATE_KEY'`: an update would lose one of two properties of the same name.
   * - `'ERR_UNTORN_JSON_NUMBER'`: an update cannot tell which of several numbers that are the same to a program it
   *   would write.
   */
  readonly code:
    | 'ERR_UNTORN_JSON_SYNTAX'
    | 'ERR_UNTORN_JSON_ENCODING'
    | 'ERR_UNTORN_JSON_SCHEMA'
    | 'ERR_UNTORN_JSON_DUPLICATE_KEY'
    | 'ERR_UNTORN_JSON_NUMBER';
  /** The file. */
  readonly path: PathName;
  /** Where it stops being JSON or UTF-8, or where the key or number is, from 1. */
  declare readonly line?: number | undefined;
  /** In UTF-16 units, from 1. */
  declare readonly column?: number | undefined;
  /** What the schema says; empty for the other codes. */
  readonly issues: readonly SchemaIssue[];

  constructor(code: JsonError['code'], { path, reason, line, column, issues = [], isNew = false }: JsonErrorDetails) {
    super(
      `${isNew ? 'The new value of ' : ''}"${display(path)}" ${reason}${line === undefined ? '' : ` at line ${line}, column ${column}`}${isNew ? '; the file is untouched' : ''}`,
    );
    this.name = 'JsonError';
    this.code = code;
    this.path = path;
    if (line !== undefined) this.line = line;
    if (column !== undefined) this.column = column;
    this.issues = issues;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Whether a value is a JsonError, of this or of another copy of the package. */
  static isJsonError(value: unknown): value is JsonError {
    return typeof value === 'object' && value !== null && brand in value;
  }
}

/** Whether an error says that a file is damaged, and not that it is not what a program wants, or can keep. */
export function isDamage(error: unknown): error is JsonError {
  return (
    JsonError.isJsonError(error) &&
    (error.code === 'ERR_UNTORN_JSON_SYNTAX' || error.code === 'ERR_UNTORN_JSON_ENCODING')
  );
}

/** Where an index of a text is, from 1. */
export function placeIn(text: string, at: number = text.length): { line: number; column: number } {
  const lines = text.slice(0, at).split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}
