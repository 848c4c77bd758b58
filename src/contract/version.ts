/** The version of a file, which depends on its content only. */
import type { Hash } from 'node:crypto';

/**
 * The version of a file's content: its SHA-256 in hexadecimal digits, so that different contents never share one; or
 * `'absent'` if the file does not exist.
 */
export type Version = string;

/** The version of a file that does not exist. */
export const absent: Version = 'absent';

export function isVersion(value: unknown): value is Version {
  return typeof value === 'string' && (value === absent || /^[0-9a-f]{64}$/.test(value));
}

/** The version of a content. */
export function versionOf(content: Uint8Array | undefined): Version {
  return content === undefined ? absent : newHash().update(content).digest('hex');
}

/** A hash for content in pieces: its hexadecimal digest is the version. */
export function newHash(): Hash {
  // Loaded at its first use: most writes need no hash.
  return process.getBuiltinModule('node:crypto').createHash('sha256');
}
