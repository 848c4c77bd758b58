/** Conversion between JSON values and the bytes of a file, and the layout of a file. */
import { isAscii, isUtf8 } from 'node:buffer';
import type { PathName } from '../contract/index.ts';
import { JsonError, placeIn } from './json-error.ts';
import { firstFault } from './json-fault.ts';
import { closingQuote } from './json-scan.ts';

/** A reviver in the form of JSON.parse. */
export type Reviver = (this: unknown, key: string, value: unknown) => unknown;

/** The layout of a file. */
export interface Layout {
  /** The indentation of one level; empty: all in one line. */
  readonly indent: string;
  readonly newline: '\n' | '\r\n';
  readonly endsWithNewline: boolean;
  /**
   * Whether the outermost array or object has one line for each of its values; and then whether there are spaces within
   * the lines.
   */
  readonly rows?: 'dense' | 'spaced' | undefined;
}

/** The layout of a new file. */
export const compact: Layout = { indent: '', newline: '\n', endsWithNewline: true };

/** The layout of a file, from its first bytes and its last. A line break in JSON is never within a string. */
export function layoutOf(first: Buffer, last: Buffer = first): Layout {
  const tail = last.toString('latin1', Math.max(0, last.length - 2));
  const start = contentStart(first);
  if (start === first.length && tail.trim() === '') return compact;
  const { carriage, indent, rest } = firstIndented(first, start);
  return {
    indent,
    newline: (carriage ?? /(\r?)\n$/.exec(tail)?.[1]) === '\r' ? '\r\n' : '\n',
    endsWithNewline: tail.endsWith('\n'),
    rows: rowsIn(rest),
  };
}

/** The index after a byte order mark and white space. */
function contentStart(bytes: Buffer): number {
  let at = bytes[0] === 0xef ? 3 : 0;
  while (at < bytes.length && /\s/.test(String.fromCharCode(bytes[at] as number))) at++;
  return Math.min(at, bytes.length);
}

/** The number of lines that are examined, and the bytes of each. */
const [fewLines, shortLine] = [1000, 256];

/** The second line that is not empty, or a later one that is indented; of a long line its beginning. */
function firstIndented(bytes: Buffer, start: number): { carriage: string | undefined; indent: string; rest: string } {
  let second: RegExpExecArray | null = null;
  for (
    let lines = 0, at = bytes.indexOf(10, start);
    at !== -1 && lines < fewLines;
    lines++, at = bytes.indexOf(10, at + 1)
  ) {
    const line = /^(\r?)\n([ \t]*)(\S[^\r\n]*)/.exec(
      bytes.toString('latin1', bytes[at - 1] === 13 ? at - 1 : at, at + shortLine),
    );
    second ??= line;
    if (line?.[2] !== undefined && line[2] !== '') return { carriage: line[1], indent: line[2], rest: line[3] ?? '' };
    // Lines that are whole values are not indented anywhere.
    if (rowsIn(second?.[3] ?? '') !== undefined) break;
  }
  return { carriage: second?.[1], indent: '', rest: second?.[3] ?? '' };
}

/**
 * The rows of a second line that begins an array or object and goes on in it: a file that is indented throughout has
 * that bracket, or an empty pair, at the end of the line.
 */
function rowsIn(line: string): Layout['rows'] {
  const [, inside] = /^(?:"(?:[^"\\]|\\.)*"\s*:\s*)?[[{]\s*([^\]}\s].*)$/.exec(line) ?? [];
  if (inside === undefined) return undefined;
  return /[:,] /.test(inside.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')) ? 'spaced' : 'dense';
}

/** The layout, with an indentation if it has none. */
export function indentedBy(layout: Layout, indent: string | undefined): Layout {
  return indent === undefined || layout.indent !== '' || layout.rows !== undefined ? layout : { ...layout, indent };
}

/** The value of a file; a byte order mark is skipped. */
export function parseJson(path: PathName, bytes: Buffer, reviver?: Reviver): unknown {
  const text = decode(path, bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw syntaxError(path, text, firstFault(text));
  }
  // Parsed again, so that an error of the reviver is not taken for a fault of the text.
  return reviver === undefined ? value : JSON.parse(text, reviver);
}

function syntaxError(path: PathName, text: string, fault: number): JsonError {
  if (text.trim() === '')
    return new JsonError('ERR_UNTORN_JSON_SYNTAX', { path, reason: 'is empty, which is not JSON' });
  const char = text.codePointAt(fault);
  const reason =
    char === undefined
      ? 'is not JSON: it ends too early'
      : `is not JSON: unexpected ${JSON.stringify(String.fromCodePoint(char))}`;
  return new JsonError('ERR_UNTORN_JSON_SYNTAX', { path, reason, ...placeIn(text, fault) });
}

/** Bytes that are not UTF-8 are an error: as replacement characters they would be lost with the next write. */
export function decode(path: PathName, bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString('latin1');
  if (!isUtf8(bytes))
    throw new JsonError('ERR_UNTORN_JSON_ENCODING', { path, reason: 'is not UTF-8', ...placeIn(beforeInvalid(bytes)) });
  return bytes.toString('utf8', bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0);
}

/** The text up to the first byte that is not UTF-8: from there on, encoding the decoded text gives other bytes. */
function beforeInvalid(bytes: Buffer): string {
  const back = Buffer.from(bytes.toString());
  let same = 0;
  while (same < bytes.length && bytes[same] === back[same]) same++;
  return bytes.toString('utf8', 0, same).replace(/\ufffd$/, '');
}

/** The bytes of a file for a text of one line, in this layout. */
export function layOut(text: string, { indent, newline, endsWithNewline, rows }: Layout): Buffer {
  const indented = indent === '' && rows === undefined ? text : indentJson(text, indent, newline, rows);
  return encode(indented, endsWithNewline ? newline : '');
}

/** Indents JSON of one line as `JSON.stringify` would have done; parsing it again would lose digits of raw numbers. */
export function indentJson(text: string, indent: string, newline: string, rows?: Layout['rows']): string {
  const parts: string[] = [];
  let depth = 0;
  let begin = 0;
  const insert = (end: number, ...between: string[]): void => {
    parts.push(text.slice(begin, end), ...between);
    begin = end;
  };
  /** Ends a line here, unless the lines within the outermost brackets are whole values. */
  const breakLine = (end: number, outside: number): void => {
    if (rows === undefined || outside === 0) insert(end, newline, indent.repeat(depth));
  };
  for (let at = 0; at < text.length; at++) {
    switch (text[at] as string) {
      case '"':
        at = closingQuote(text, at);
        break;
      case '{':
      case '[':
        if (text[at + 1] === '}' || text[at + 1] === ']') at++;
        else {
          depth++;
          breakLine(at + 1, depth - 1);
        }
        break;
      case '}':
      case ']':
        depth--;
        breakLine(at, depth);
        break;
      case ',':
        if (rows === 'spaced' && depth > 1) insert(at + 1, ' ');
        else breakLine(at + 1, depth - 1);
        break;
      case ':':
        if (rows !== 'dense') insert(at + 1, ' ');
    }
  }
  parts.push(text.slice(begin));
  return parts.join('');
}

/**
 * The text as UTF-8. Most JSON is ASCII, which is copied unchanged in a third of the time; joining the texts would copy
 * the first once more.
 */
export function encode(text: string, end: string): Buffer {
  const size = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(size + end.length);
  bytes.write(text, size === text.length ? 'latin1' : 'utf8');
  bytes.write(end, size, 'latin1');
  return bytes;
}
