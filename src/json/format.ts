/**
 * Formats other than JSON, in the functions for JSON: how the bytes of a file become a value, and a value bytes.
 *
 * Promise: content that a format cannot parse counts as damaged, as content that is not JSON does. What a format makes
 * of a new value is checked before anything is touched.
 */
import { isUint8Array } from 'node:util/types';
import { chunkBytes, describe, isThenable, misuse, type Fields, type PathName } from '../contract/index.ts';
import { JsonError } from './json-error.ts';
import { decode, encode } from './json-text.ts';

/**
 * A format of text, in UTF-8, for the functions that read and write JSON.
 *
 * Both functions return their result at once, and not a promise. Its own errors pass through `stringify`; an error of
 * `parse` means that the file is damaged, and is the `cause` of the {@link JsonError}. If it has numbers `line` and
 * `column`, these are the error's. A format decides alone what an empty text means.
 *
 * @example A list with a line for each item
 * ```ts
 * import { updateJson, type Format } from 'untorn';
 *
 * const lines: Format<string[]> = {
 *   parse: (text) => text.split('\n').filter((line) => line !== ''),
 *   stringify: (items) => items.map((item) => `${item}\n`).join(''),
 * };
 * await updateJson('hosts', (hosts) => [...hosts, 'localhost'], { format: lines, initial: [] });
 * ```
 */
export interface Format<T = unknown> {
  readonly binary?: false | undefined;
  /** The value of a text. A byte order mark is left out; it is not written again. */
  parse(text: string): T;
  /**
   * The new text for a value. `previous` is the text that it replaces, so that comments, order and layout can be kept;
   * undefined if there is none, or if it cannot be read as UTF-8.
   */
  stringify(value: T, previous: string | undefined): string;
}

/** A {@link Format} of bytes, as for encrypted or compressed files. */
export interface BinaryFormat<T = unknown> {
  readonly binary: true;
  /** The value of a file's content. */
  parse(bytes: Buffer): T;
  /** The new content for a value. `previous` is the content that it replaces, if there is any. */
  stringify(value: T, previous: Buffer | undefined): Uint8Array;
}

/** The format of text or of bytes. */
export type AnyFormat<T = unknown> = Format<T> | BinaryFormat<T>;

/** Options that say how JSON is read or written. */
const ofJson = ['indent', 'replacer', 'reviver', 'numbers', 'duplicateKeys'];

/** A format that has been read from the options. */
export class Codec {
  readonly #binary: boolean;
  readonly #parse: (content: Buffer | string) => unknown;
  readonly #stringify: (value: unknown, previous: Buffer | string | undefined) => unknown;

  constructor(format: AnyFormat, binary: boolean) {
    const { parse, stringify } = format as { parse: unknown; stringify: unknown };
    this.#binary = binary;
    this.#parse = bound('parse', parse, format);
    this.#stringify = bound('stringify', stringify, format);
  }

  /** The value of a file's content; of content that is not written yet, if it `isNew`. */
  parse(path: PathName, bytes: Buffer, isNew = false): unknown {
    const content = this.#binary ? bytes : decode(path, bytes);
    let value;
    try {
      value = this.#parse(content);
    } catch (cause) {
      throw new JsonError('ERR_UNTORN_JSON_SYNTAX', {
        path,
        reason: 'cannot be parsed by its format',
        ...placeOf(cause),
        cause,
        isNew,
      });
    }
    if (isThenable(value)) throw wrongReturn('parse', 'a promise', 'the value');
    return value;
  }

  /** The content for a value. */
  contentOf(value: unknown, previous: Buffer | undefined): Buffer {
    const made = this.#stringify(value, this.#binary ? previous : textOf(previous));
    if (this.#binary) {
      if (!isUint8Array(made)) throw wrongReturn('stringify', kindOf(made), 'a Uint8Array');
      const { buffer, byteOffset, byteLength } = chunkBytes(made, 'utf8');
      return Buffer.from(buffer, byteOffset, byteLength);
    }
    if (typeof made !== 'string') throw wrongReturn('stringify', kindOf(made), 'a string');
    if (/\p{Surrogate}/u.test(made))
      throw wrongReturn('stringify', 'text with half a surrogate pair, which UTF-8 cannot hold', 'other text');
    return encode(made, '');
  }
}

/** Reads the format among the options of a call; undefined for JSON. */
export function readCodec(options: Fields): Codec | undefined {
  const format = options['format'];
  if (format === undefined) return undefined;
  if ((typeof format !== 'object' && typeof format !== 'function') || format === null)
    throw misuse(
      'ERR_INVALID_ARG_TYPE',
      `"options.format" must be an object with parse() and stringify(), not ${describe(format)}`,
    );
  const other = ofJson.find((name) => options[name] !== undefined);
  if (other !== undefined)
    throw misuse('ERR_INVALID_ARG_VALUE', `"options.${other}" is for JSON, and cannot be given with "options.format"`);
  const { binary = false } = format as { binary?: unknown };
  if (typeof binary !== 'boolean')
    throw misuse('ERR_INVALID_ARG_TYPE', `"options.format.binary" must be true or false, not ${describe(binary)}`);
  return new Codec(format as AnyFormat, binary);
}

function bound(name: string, value: unknown, format: object): (...given: unknown[]) => unknown {
  if (typeof value !== 'function')
    throw misuse('ERR_INVALID_ARG_TYPE', `"options.format.${name}" must be a function, not ${describe(value)}`);
  return value.bind(format) as () => unknown;
}

/** The text that is replaced. What is not UTF-8 has no layout to be kept. */
function textOf(previous: Buffer | undefined): string | undefined {
  try {
    return previous === undefined ? undefined : decode('', previous);
  } catch {
    return undefined;
  }
}

function placeOf(error: unknown): { line?: number; column?: number } {
  if (typeof error !== 'object' || error === null) return {};
  const { line, column } = error as { line?: unknown; column?: unknown };
  return typeof line === 'number' && typeof column === 'number' ? { line, column } : {};
}

function kindOf(value: unknown): string {
  return isThenable(value) ? 'a promise' : describe(value);
}

function wrongReturn(name: string, what: string, wanted: string): TypeError {
  return misuse('ERR_INVALID_RETURN_VALUE', `"options.format.${name}" must return ${wanted}, not ${what}`);
}
