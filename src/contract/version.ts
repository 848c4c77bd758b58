/** The version of a file: what its content is, and nothing else. */
import type { Hash } from 'node:crypto';

/**
 * The version of a file's content: its SHA-256 in hexadecimal digits, so that two different contents never share one;
 * or `'absent'` where there is no file.
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

/** For contents that come in pieces: its hexadecimal digest is their version. */
export function newHash(): Hash {
  // Loaded when it is first needed: most writes need none.
  return process.getBuiltinModule('node:crypto').createHash('sha256');
}
