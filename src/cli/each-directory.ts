import type { PathName } from '../contract/index.ts';
import { pathFrom } from './arguments/arguments.ts';
import type { Invocation } from './arguments/table.ts';
import { exits } from './exit-codes.ts';
import { reasonOf } from './failures.ts';
import { tell } from './messages.ts';
import { printJson } from './report.ts';

/** A command that does the same in each directory, and reports at once, or as JSON at the end. */
interface InEach<T> {
  readonly verb: string;
  readonly perform: (directory: PathName) => Promise<T>;
  readonly show: (result: T, quiet: boolean) => Promise<void>;
  readonly asJson: (all: readonly T[]) => unknown;
  readonly isFailure: (result: T) => boolean;
}

/** Goes on after a directory that fails; the exit code tells. */
export async function inEachDirectory<T>(
  { operands, flags }: Invocation,
  { verb, perform, show, asJson, isFailure }: InEach<T>,
): Promise<number> {
  const all: T[] = [];
  let failed = false;
  for (const directory of operands) {
    try {
      const found = await perform(pathFrom(directory));
      all.push(found);
      if (!flags.has('json')) await show(found, flags.has('quiet'));
    } catch (error) {
      failed = true;
      tell(`Cannot ${verb} "${directory}": ${reasonOf(error)}`);
    }
  }
  if (flags.has('json')) await printJson(asJson(all));
  return failed || all.some(isFailure) ? exits.failed : exits.done;
}
