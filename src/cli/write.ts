import { writeFile } from '../write-file.ts';
import { standardInput } from './input.ts';
import { replace } from './replace.ts';
import type { Invocation } from './table.ts';

/**
 * `untorn write FILE`
 *
 * A signal ends it at once, by the default action; the library removes its temporary file before.
 */
export async function perform(invocation: Invocation): Promise<number> {
  const atOnce = invocation.flags.has('tee');
  await replace(invocation, (path, options, { count, tee }) => writeFile(path, tee(standardInput(atOnce, count)), options));
  return 0;
}
