/**
 * Path names as the system takes them: text, or bytes where they are not valid UTF-8.
 *
 * On POSIX nothing here normalises `..`: the parent of a symbolic link is not what the text says.
 */
import { isUtf8 } from 'node:buffer';
import path from 'node:path';

/** A path name: a string, or a Buffer where the bytes are not valid UTF-8. */
export type PathName = string | Buffer;

/** How callers may name a file. */
export type PathLike = string | URL | Buffer;

const windows = process.platform === 'win32';
const separators = windows ? /[\\/]/ : /\//;
const trailingName = windows ? /[^\\/]*$/ : /[^/]*$/;

/** By its shape, as node:url does: the program's URL may be of another realm than this module. */
export function isUrl(value: unknown): value is URL {
  if (typeof value !== 'object' || value === null) return false;
  const { href, protocol, auth, path } = value as Record<string, unknown>;
  return typeof href === 'string' && typeof protocol === 'string' && auth === undefined && path === undefined;
}

export function isAbsolute(name: PathName): boolean {
  return path.isAbsolute(asText(name));
}

/** The relative path from one directory to another, if it is text. */
export function relativePath(from: PathName, to: PathName): string | undefined {
  if (typeof from !== 'string' || typeof to !== 'string') return undefined;
  const way = path.relative(from, to);
  return path.isAbsolute(way) ? undefined : way === '' ? '.' : way;
}

export function join(directory: PathName, name: PathName): PathName {
  const between = separators.test(asText(directory).slice(-1)) ? '' : path.sep;
  if (typeof directory === 'string' && typeof name === 'string') return directory + between + name;
  return Buffer.concat([Buffer.from(directory), Buffer.from(between), Buffer.from(name)]);
}

/** The directory of an absolute path and the last name in it, which is empty after a trailing slash. */
export function split(file: PathName): { directory: PathName; name: PathName } {
  const text = asText(file);
  const name = trailingName.exec(text)?.[0] ?? '';
  const root = path.parse(text).root;
  let end = text.length - name.length;
  while (end > root.length && separators.test(text[end - 1] ?? '')) end--;
  const directory = like(file, text.slice(0, Math.max(end, root.length)));
  // A name does not depend on its directory: one file has one name, as text wherever that is possible.
  return { directory, name: typeof file === 'string' ? name : fromBytes(Buffer.from(name, 'latin1')) };
}

/** At most `limit` bytes of a name, cut between characters. */
export function cutName(name: PathName, limit: number): PathName {
  // A character of a string has at most three bytes.
  if (typeof name === 'string' && name.length * 3 <= limit) return name;
  const bytes = Buffer.from(name);
  if (bytes.length <= limit) return name;
  let end = Math.max(limit, 0);
  if (typeof name === 'string') while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  const cut = bytes.subarray(0, end);
  return typeof name === 'string' ? cut.toString() : cut;
}

/** A name with text before and after it. */
export function surround(before: string, name: PathName, after: string): PathName {
  if (typeof name === 'string') return before + name + after;
  return Buffer.concat([Buffer.from(before), name, Buffer.from(after)]);
}

/** One JavaScript string for each path name, for messages. Bytes that are not UTF-8 show as U+FFFD. */
export function display(name: PathName): string {
  return name.toString();
}

/** One JavaScript string for each different path name, for use as a key. */
export function key(name: PathName): string {
  return typeof name === 'string' ? `u${name}` : `b${name.toString('latin1')}`;
}

/** The text where the bytes are UTF-8, the bytes otherwise. */
export function fromBytes(bytes: Uint8Array): PathName {
  // Deno's readlinkSync() gives no Buffer, and toString() of another array gives its numbers.
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
  return isUtf8(buffer) ? buffer.toString() : buffer;
}

export function asText(name: PathName): string {
  return typeof name === 'string' ? name : name.toString('latin1');
}

function like(model: PathName, text: string): PathName {
  return typeof model === 'string' ? text : Buffer.from(text, 'latin1');
}
