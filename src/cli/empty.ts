/** Empty content is refused where it would replace content: more often than not it is a mistake. */
import { statSync } from 'node:fs';
import type { PathName } from '../contract/index.ts';
import type { Invocation } from './arguments/table.ts';
import { Empty } from './failures.ts';

/**
 * Passes the pieces on. Fails at their end if they were empty and `hasContent` says that the file has content to lose.
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

/** Says why the output of a command is refused. */
export function printedNothing(
  { command, operands }: Invocation,
  instead = '--allow-empty replaces it anyway',
): string {
  return `"${command[0]}" printed nothing, and "${operands[0]}" has content: it is untouched; ${instead}`;
}

/** Whether a file has content. If it cannot be examined, the write reports that. */
export function hasContent(path: PathName): boolean {
  try {
    return statSync(path).size > 0;
  } catch {
    return false;
  }
}
