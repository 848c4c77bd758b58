import { assertText } from './arguments.ts';
import { Command } from './command.ts';
import { Interruption } from './interruption.ts';
import { replace, type Sink } from './replace.ts';
import type { Invocation } from './table.ts';

/** `untorn run FILE -- COMMAND [ARG]…` */
export async function perform(invocation: Invocation): Promise<number> {
  assertText(invocation.command);
  const interruption = new Interruption();
  try {
    await replace(invocation, (sink) => readFrom(invocation.command, interruption, sink), interruption.signal);
    return 0;
  } catch (error) {
    throw interruption.error ?? error;
  } finally {
    interruption.end();
  }
}

/** Hands all of a command's output to the sink, and then fails unless the command succeeded. */
async function readFrom(words: readonly string[], interruption: Interruption, sink: Sink): Promise<void> {
  if (interruption.error !== undefined) throw interruption.error;
  const command = Command.start(words, interruption);
  try {
    for await (const chunk of command.output as AsyncIterable<Buffer>) {
      sink.count(chunk.byteLength);
      await sink.write(chunk);
    }
    await command.succeeded;
  } catch (error) {
    await command.stop();
    throw error;
  }
}
