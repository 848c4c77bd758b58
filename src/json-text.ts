/** JSON between values and the bytes of a file, and how a file is laid out. */
import { isAscii, isUtf8 } from 'node:buffer';
import { JsonError, placeIn } from './json-error.ts';
import { firstFault } from './json-fault.ts';
import { closingQuote } from './json-scan.ts';
import type { PathName } from './path.ts';

/** As JSON.parse takes it. */
export type Reviver = (this: unknown, key: string, value: unknown) => unknown;

/** How a file is laid out. */
export interface Layout {
  /** What one level is indented by; empty: all in one line. */
  readonly indent: string;
  readonly newline: '\n' | '\r\n';
  readonly endsWithNewline: boolean;
}

/** That of a new file. */
export const compact: Layout = { indent: '', newline: '\n', endsWithNewline: true };

/** The first indented line is near the beginning: within so many bytes. */
export const headSize = 4096;

/** The layout of a file, from its first bytes and its last. A line break in JSON is never within a string. */
export function layoutOf(first: Buffer, last: Buffer = first): Layout {
  const head = first.toString('latin1', 0, headSize).replace(/^\xef\xbb\xbf/, '');
  const tail = last.toString('latin1', Math.max(0, last.length - 2));
  if (tail.trim() === '' && head.trim() === '') return compact;
  const indented = /(\r?)\n([ \t]+)\S/.exec(head.trimStart());
  return {
    indent: indented?.[2] ?? '',
    newline: (indented?.[1] ?? /(\r?)\n$/.exec(tail)?.[1]) === '\r' ? '\r\n' : '\n',
    endsWithNewline: tail.endsWith('\n'),
  };
}

/** The value that a file holds; a byte order mark is passed over. */
export function parseJson(path: PathName, bytes: Buffer, reviver?: Reviver): unknown {
  const text = decode(path, bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw syntaxError(path, text, firstFault(text));
  }
  // Again, so that what the reviver throws is not taken for a fault of the text.
  return reviver === undefined ? value : JSON.parse(text, reviver);
}

function syntaxError(path: PathName, text: string, fault: number): JsonError {
  if (text.trim() === '') return new JsonError('ERR_UNTORN_JSON_SYNTAX', { path, reason: 'is empty, which is no JSON' });
  const char = text.codePointAt(fault);
  const reason = char === undefined ? 'is no JSON: it ends too early' : `is no JSON: unexpected ${JSON.stringify(String.fromCodePoint(char))}`;
  return new JsonError('ERR_UNTORN_JSON_SYNTAX', { path, reason, ...placeIn(text, fault) });
}

/** Bytes that are not UTF-8 are an error: as replacement characters they would be lost with the next write. */
export function decode(path: PathName, bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString('latin1');
  if (!isUtf8(bytes)) throw new JsonError('ERR_UNTORN_JSON_ENCODING', { path, reason: 'is not UTF-8', ...placeIn(beforeInvalid(bytes)) });
  return bytes.toString('utf8', bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0);
}

/** The text up to the first byte that is not UTF-8: there decoding and encoding do not lead back. */
function beforeInvalid(bytes: Buffer): string {
  const back = Buffer.from(bytes.toString());
  let same = 0;
  while (same < bytes.length && bytes[same] === back[same]) same++;
  return bytes.toString('utf8', 0, same).replace(/\ufffd$/, '');
}

/** The bytes of a file that holds a text of one line in this layout. */
export function layOut(text: string, { indent, newline, endsWithNewline }: Layout): Buffer {
  const indented = indent === '' ? text : indentJson(text, indent, newline);
  return encode(indented, endsWithNewline ? newline : '');
}

/** JSON of one line as `JSON.stringify` would have indented it; to parse it again would lose digits of raw numbers. */
export function indentJson(text: string, indent: string, newline: string): string {
  const parts: string[] = [];
  let depth = 0;
  let begin = 0;
  const breakLine = (end: number): void => {
    parts.push(text.slice(begin, end), newline, indent.repeat(depth));
    begin = end;
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
          breakLine(at + 1);
        }
        break;
      case '}':
      case ']':
        depth--;
        breakLine(at);
        break;
      case ',':
        breakLine(at + 1);
        break;
      case ':':
        parts.push(text.slice(begin, at + 1), ' ');
        begin = at + 1;
    }
  }
  parts.push(text.slice(begin));
  return parts.join('');
}

/** As UTF-8. Most JSON is ASCII, which is copied as it is in a third of the time; to join the texts would copy the first once more. */
export function encode(text: string, end: string): Buffer {
  const size = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(size + end.length);
  bytes.write(text, size === text.length ? 'latin1' : 'utf8');
  bytes.write(end, size, 'latin1');
  return bytes;
}
