import type { PathName } from '../contract/index.ts';
import { writeFile } from '../write/index.ts';
import { hasContent, nothingForSomething } from './empty.ts';
import { standardInput, tellIfAwaited } from './input.ts';
import { replace } from './replace.ts';
import type { Invocation } from './arguments/table.ts';

/**
 * `untorn write FILE`
 *
 * A signal ends the process at once, by the default action; the library removes its temporary file first.
 */
export async function perform(invocation: Invocation): Promise<number> {
  const { flags, operands } = invocation;
  const atOnce = flags.has('tee');
  const refusal = `There was nothing to write, and "${operands[0]}" has content, which is untouched`;
  const guarded = (path: PathName, pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
    flags.has('no-empty') ? nothingForSomething(pieces, () => hasContent(path), refusal) : pieces;
  if (!flags.has('quiet')) tellIfAwaited();
  await replace(invocation, (path, options, { count, tee }) =>
    writeFile(path, guarded(path, tee(standardInput(atOnce, count))), options),
  );
  return 0;
}
