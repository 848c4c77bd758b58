import { withLock } from '../verbs/index.ts';
import { assertText, pathFrom } from './arguments/arguments.ts';
import { runToEnd } from './child/command.ts';
import { interruptible } from './interruption.ts';
import type { Invocation } from './arguments/table.ts';
import { readLock } from './write-options.ts';

/** `untorn lock FILE -- COMMAND [ARG]…` */
export async function perform(invocation: Invocation): Promise<number> {
  const { command, flags, operands } = invocation;
  assertText(command);
  await interruptible((interruption) =>
    withLock(pathFrom(operands[0] as string), () => runToEnd(command, interruption), {
      lock: readLock(invocation),
      makeParents: flags.has('make-parents'),
      filesystem: flags.has('any-filesystem') ? 'any' : 'safe',
      signal: interruption.signal,
    }),
  );
  return 0;
}
