/**
 * What may be shown of a name.
 *
 * Whoever can write a directory can put anything into a name, and a terminal obeys control characters, and turns text around
 * at others. They are shown as JSON shows them, `\u001b`, so that this is also what `--json` prints.
 */
import type { PathName } from '../path.ts';

/** C0, DEL and C1 (ECMA-48), and the marks, embeddings, overrides and isolates of the Unicode bidirectional algorithm. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function printable(text: string): string {
  return text.replace(controls, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A line with a path; the bytes of one that is not UTF-8 stay what they are, but for those that are control characters. */
export function printableLine(before: string, path: PathName): Buffer {
  const shown = typeof path === 'string' ? Buffer.from(printable(path)) : printableBytes(path);
  return Buffer.concat([Buffer.from(before), shown, Buffer.from('\n')]);
}

function printableBytes(bytes: Buffer): Buffer {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return Buffer.from(bytes.toString('latin1').replace(/[\u0000-\u001f\u007f]/g, printable), 'latin1');
}
