/** A content of nothing is refused where it would take the place of something: more often than not it is a mistake. */
import { statSync } from 'node:fs';
import type { PathName } from '../contract/index.ts';
import type { Invocation } from './arguments/table.ts';
import { Empty } from './failures.ts';

/**
 * The same pieces; fails at their end if there was nothing in them, and `hasContent` says that there is something to
 * lose.
 */
export async function* nothingForSomething(
  pieces: AsyncIterable<Uint8Array>,
  hasContent: () => boolean,
  refusal: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.byteLength;
    yield piece;
  }
  if (bytes === 0 && hasContent()) throw new Empty(refusal);
}

/** Why the output of a command is refused. */
export function printedNothing(
  { command, operands }: Invocation,
  instead = '--allow-empty replaces it all the same',
): string {
  return `"${command[0]}" printed nothing, and "${operands[0]}" has content: it is untouched; ${instead}`;
}

/** Whether a file has content. What cannot be looked at is for the write to tell. */
export function hasContent(path: PathName): boolean {
  try {
    return statSync(path).size > 0;
  } catch {
    return false;
  }
}
