import { writeFile } from '../write-file.ts';
import { assertText } from './arguments.ts';
import { outputOf } from './command.ts';
import { interruptible } from './interruption.ts';
import { replace } from './replace.ts';
import type { Invocation } from './table.ts';

/** `untorn run FILE -- COMMAND [ARG]…` */
export async function perform(invocation: Invocation): Promise<number> {
  const { command } = invocation;
  assertText(command);
  await interruptible((interruption) =>
    replace(invocation, (path, options, { count, tee }) =>
      writeFile(path, tee(outputOf(command, 'inherit', interruption, count)), { ...options, signal: interruption.signal }),
    ),
  );
  return 0;
}
