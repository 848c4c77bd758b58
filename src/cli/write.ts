import { standardInput } from './input.ts';
import { replace } from './replace.ts';
import type { Invocation } from './table.ts';

/**
 * `untorn write FILE`
 *
 * A signal ends it at once, by the default action; the library removes its temporary file before.
 */
export async function perform(invocation: Invocation): Promise<number> {
  await replace(invocation, async (sink) => {
    for await (const chunk of standardInput(invocation.flags.has('tee'), sink.count)) await sink.write(chunk);
  });
  return 0;
}
