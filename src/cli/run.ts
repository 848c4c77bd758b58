import type { PathName } from '../contract/path-name.ts';
import { writeFile } from '../write/write-file.ts';
import { assertText } from './arguments/arguments.ts';
import { outputOf } from './command.ts';
import { hasContent, nothingForSomething } from './empty.ts';
import { interruptible } from './interruption.ts';
import { replace } from './replace.ts';
import type { Invocation } from './arguments/table.ts';

/** `untorn run FILE -- COMMAND [ARG]…` */
export async function perform(invocation: Invocation): Promise<number> {
  const { command, flags, operands } = invocation;
  assertText(command);
  const refusal = `"${command[0]}" printed nothing, and "${operands[0]}" has content, which is untouched; --allow-empty replaces it all the same`;
  const guarded = (path: PathName, pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
    flags.has('allow-empty') ? pieces : nothingForSomething(pieces, () => hasContent(path), refusal);
  await interruptible((interruption) =>
    replace(invocation, (path, options, { count, tee }) =>
      writeFile(path, guarded(path, tee(outputOf(command, 'inherit', interruption, count))), {
        ...options,
        signal: interruption.signal,
      }),
    ),
  );
  return 0;
}
