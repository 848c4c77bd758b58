/**
 * Paths: as a caller gives them, made absolute, since their meaning depends on the working directory at that moment; and
 * those by which open directories are reached.
 */
import path from 'node:path';
import { isUtf8 } from 'node:buffer';
import { readlinkSync, lstatSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  bare,
  describe,
  misuse,
  WriteError,
  asText,
  fromBytes,
  isAbsolute,
  isUrl,
  join,
  type PathLike,
  type PathName,
} from '../contract/index.ts';
import { byPathOnly } from './globals.ts';

const windows = process.platform === 'win32';

/** An absolute path, and the path as its caller gave it, which errors name as those of node:fs do. */
export interface GivenPath {
  readonly path: PathName;
  readonly given: PathName;
}

export function givenPath(path: PathLike, argument = 'path'): GivenPath {
  return { path: absolutePath(path, argument), given: fromPathLike(path, argument) };
}

/** The path made absolute at this moment, so that a later `process.chdir()` cannot move the write elsewhere. */
export function absolutePath(given: PathLike, argument = 'path'): PathName {
  const name = fromPathLike(given, argument);
  if (name.length === 0) throw misuse('ERR_INVALID_ARG_VALUE', `"${argument}" is empty`);
  if (name.includes('\0')) throw misuse('ERR_INVALID_ARG_VALUE', `"${argument}" contains a null byte`);
  // On Windows a path that begins with a slash is absolute except for the drive.
  if (isAbsolute(name) && !(windows && path.parse(asText(name)).root.length === 1)) return name;
  if (windows) return resolveKeepingTrailingSlash(name as string);
  const plain = typeof name === 'string' ? name.replace(/^(\.\/+)+|^\.$/, '') : name;
  return plain.length === 0 ? workingDirectory() : join(workingDirectory(), plain);
}

/** A file to write. A working directory that is gone is a failure of the write, not a wrong argument. */
export function targetPath(given: PathLike, argument = 'path'): GivenPath {
  try {
    return givenPath(given, argument);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new WriteError({ path: fromPathLike(given, argument), step: 'resolve', outcome: 'old', cause });
  }
}

/** process.cwd() is text, and shows bytes that are not UTF-8 as U+FFFD; the kernel also gives the bytes (proc(5)). */
function workingDirectory(): PathName {
  const directory = process.cwd();
  if (!directory.includes('\ufffd') || process.platform !== 'linux') return directory;
  return fromBytes(readlinkSync('/proc/self/cwd', bare({ encoding: 'buffer' })));
}

function fromPathLike(given: PathLike, argument: string): PathName {
  if (typeof given === 'string') return given;
  if (isUrl(given)) return fromFileUrl(given);
  if (Buffer.isBuffer(given)) return isUtf8(given) ? given.toString() : Buffer.from(given);
  throw misuse(
    'ERR_INVALID_ARG_TYPE',
    `"${argument}" must be a string, a Buffer or a file: URL, not ${describe(given)}`,
  );
}

function fromFileUrl(url: URL): PathName {
  try {
    return fileURLToPath(url);
  } catch (error) {
    if ((error as Error).name !== 'URIError' || windows) throw error;
    // decodeURIComponent() knows only UTF-8; a file name may be any bytes.
    if (/%2f/i.test(url.pathname))
      throw misuse('ERR_INVALID_FILE_URL_PATH', 'A file: URL must not contain an encoded "/"');
    return Buffer.from(
      url.pathname.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
      'latin1',
    );
  }
}

function resolveKeepingTrailingSlash(name: string): string {
  const resolved = path.resolve(name);
  return /[\\/]$/.test(name) && !/[\\/]$/.test(resolved) ? `${resolved}\\` : resolved;
}

let procDescriptors: boolean | undefined;

/** Whether `/proc/self/fd` exists; a chroot may lack it. */
function hasProcDescriptors(): boolean {
  if (process.platform !== 'linux' || byPathOnly) return false;
  try {
    return lstatSync('/proc/self/fd').isDirectory();
  } catch {
    return false; // No /proc: directories are then reached by their paths.
  }
}

/**
 * A path through which an open directory is reached even after it is renamed; its own path if there is no such path.
 */
export function accessPath(directory: number, path: PathName): PathName {
  procDescriptors ??= hasProcDescriptors();
  return procDescriptors ? `/proc/self/fd/${directory}` : path;
}
