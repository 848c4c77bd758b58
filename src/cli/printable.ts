/**
 * Makes names safe to show on a terminal.
 *
 * Whoever can write a directory can put any character into a name. A terminal obeys control characters, and others
 * reverse the direction of text. They are shown as JSON shows them, `\u001b`, so that `--json` prints the same.
 */
import type { PathName } from '../contract/index.ts';

/**
 * C0, DEL and C1 (ECMA-48), the line and paragraph separators, and the marks, embeddings, overrides and isolates of the
 * Unicode bidirectional algorithm.
 */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function printable(text: string): string {
  return text.replace(controls, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A line with a path. The bytes of a path that is not UTF-8 stay as they are, except control characters. */
export function printableLine(before: string, path: PathName): Buffer {
  const shown = typeof path === 'string' ? Buffer.from(printable(path)) : printableBytes(path);
  return Buffer.concat([Buffer.from(before), shown, Buffer.from('\n')]);
}

/** A character in UTF-8, or one byte that belongs to none. */
const parts =
  // oxlint-disable-next-line no-control-regex -- these are bytes
  /[\u0000-\u007f]+|[\u00c2-\u00df][\u0080-\u00bf]|[\u00e0-\u00ef][\u0080-\u00bf]{2}|[\u00f0-\u00f4][\u0080-\u00bf]{3}|[^]/g;

function printableBytes(bytes: Buffer): Buffer {
  const shown = (part: string): string => {
    const text = Buffer.from(part, 'latin1').toString();
    // A terminal without UTF-8 obeys the bytes of C1.
    return text.includes('\ufffd') ? printable(part) : Buffer.from(printable(text)).toString('latin1');
  };
  return Buffer.from(bytes.toString('latin1').replace(parts, shown), 'latin1');
}
