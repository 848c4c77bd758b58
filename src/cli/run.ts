import type { PathName } from '../contract/index.ts';
import { writeFile } from '../write/index.ts';
import { assertText } from './arguments/arguments.ts';
import { outputOf } from './child/command.ts';
import { hasContent, nothingForSomething, printedNothing } from './empty.ts';
import { interruptible } from './interruption.ts';
import { replace } from './replace.ts';
import type { Invocation } from './arguments/table.ts';

/** `untorn run FILE -- COMMAND [ARG]…` */
export async function perform(invocation: Invocation): Promise<number> {
  const { command, flags } = invocation;
  assertText(command);
  const guarded = (path: PathName, pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
    flags.has('allow-empty') ? pieces : nothingForSomething(pieces, () => hasContent(path), printedNothing(invocation));
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
