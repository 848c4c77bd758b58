import { display, type PathName } from '../contract/index.ts';

/** What a schema found wrong, and where. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The details that make a {@link JsonError}. */
export interface JsonErrorDetails {
  path: PathName;
  // What is wrong, in words.
  reason: string;
  line?: number;
  column?: number;
  issues?: readonly SchemaIssue[];
  // What the parser of another format said.
  cause?: unknown;
  // Whether the value to be written is wrong, and not the file.
  isNew?: boolean;
}

const brand: unique symbol = Symbol.for('untorn.JsonError');

/**
 * A file with wrong content, or a value that its schema refuses to write. Nothing was changed.
 *
 * Its message gives the position and not the content, which may be secret.
 */
export class JsonError extends Error {
  /**
   * - `'ERR_UNTORN_JSON_SYNTAX'`: it is not JSON (or it is empty), or its format cannot parse it; then the error of the
   * format is the `cause`, and may show content.
   * - `'ERR_UNTORN_JSON_ENCODING'`: it is not UTF-8.
   * - `'ERR_UNTORN_JSON_SCHEMA'`: the schema has {@link issues}.
   * - `'ERR_UNTORN_JSON_DUPLICATE_KEY'`: an update would lose one of two properties of the same name.
   * - `'ERR_UNTORN_JSON_NUMBER'`: several numbers look the same to a program, and an update cannot tell which one to
   * write.
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
  /** The schema's issues; empty for the other codes. */
  readonly issues: readonly SchemaIssue[];

  constructor(code: JsonError['code'], details: JsonErrorDetails) {
    const { path, reason, line, column, issues = [], isNew = false } = details;
    super(
      `${isNew ? 'The new value of ' : ''}"${display(path)}" ${reason}${line === undefined ? '' : ` at line ${line}, column ${column}`}${isNew ? '; the file is untouched' : ''}`,
      'cause' in details ? { cause: details.cause } : undefined,
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

/** Whether an error says that a file is damaged, and not that a program does not want it or cannot keep it. */
export function isDamage(error: unknown): error is JsonError {
  return (
    JsonError.isJsonError(error) &&
    (error.code === 'ERR_UNTORN_JSON_SYNTAX' || error.code === 'ERR_UNTORN_JSON_ENCODING')
  );
}

/** The line and column of an index in a text, from 1. */
export function placeIn(text: string, at: number = text.length): { line: number; column: number } {
  const lines = text.slice(0, at).split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}
