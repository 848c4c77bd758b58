/** `copy`, `rename`, `remove`, `link` and `append`: what a script does with files besides writing them. */
import { WriteError, type PathName, type WriteResult } from '../contract/index.ts';
import { appendFile, copyFile, remove, rename, symlink } from '../verbs/index.ts';
import { pathFrom } from './arguments/arguments.ts';
import { Conflict, Failure } from './failures.ts';
import { standardInput, tellIfAwaited } from './input.ts';
import { interruptible } from './interruption.ts';
import { reportDone, reportResult, type Done } from './report.ts';
import type { CommandModule, Invocation } from './arguments/table.ts';
import { readNameOptions, readWriteOptions } from './write-options.ts';

/** `untorn copy FROM FILE` */
export const copy: CommandModule = {
  async perform(invocation) {
    const options = await readWriteOptions(invocation);
    const [from, to] = pathsOf(invocation);
    const result = await attempt<WriteResult>(invocation, (signal) => copyFile(from, to, { ...options, signal }));
    await reportResult(result, reportingOf(invocation));
    return 0;
  },
};

/** `untorn rename FROM FILE` */
export const renaming: CommandModule = {
  perform: (invocation) =>
    performOn(invocation, async (signal) => {
      const [from, to] = pathsOf(invocation);
      const { ifMatch: _, filesystem: __, mode: ___, ...options } = readNameOptions(invocation);
      const result = await rename(from, to, { ...options, signal });
      return { ...result, what: `Renamed "${result.from.toString()}" to` };
    }),
};

/** `untorn remove FILE` */
export const removal: CommandModule = {
  perform: (invocation) =>
    performOn(invocation, async (signal) => {
      const [path] = pathsOf(invocation);
      const { overwrite: _, makeParents: __, ...options } = readNameOptions(invocation);
      const result = await remove(path, { ...options, force: invocation.flags.has('force'), signal });
      return { ...result, what: result.removed ? 'Removed' : 'There is no' };
    }),
};

/** `untorn link TARGET FILE` */
export const linking: CommandModule = {
  perform: (invocation) =>
    performOn(invocation, async (signal) => {
      const [target, path] = pathsOf(invocation);
      const { ifMatch: _, filesystem: __, mode: ___, ...options } = readNameOptions(invocation);
      return { ...(await symlink(target, path, { ...options, signal })), what: 'Linked' };
    }),
};

/** `untorn append FILE` */
export const appending: CommandModule = {
  async perform(invocation) {
    if (!invocation.flags.has('quiet')) tellIfAwaited();
    const pieces: Buffer[] = [];
    for await (const piece of standardInput(false, () => undefined)) pieces.push(Buffer.from(piece));
    const data = Buffer.concat(pieces);
    if (data.at(-1) !== 0x0a)
      throw new Failure(
        `Standard input ${data.length === 0 ? 'is empty' : 'does not end with a newline'}, and a record is a line; "${invocation.operands[0]}" is untouched`,
      );
    return performOn(invocation, async (signal) => {
      const [path] = pathsOf(invocation);
      const { overwrite: _, ifMatch: __, ...options } = readNameOptions(invocation);
      const result = await appendFile(path, data, { ...options, signal });
      return { ...result, what: `Appended ${result.bytes} bytes to` };
    });
  },
};

function pathsOf({ operands }: Invocation): [PathName, PathName] {
  const [first, second] = operands.map(pathFrom);
  return [first as PathName, second as PathName];
}

async function performOn(invocation: Invocation, act: (signal: AbortSignal) => Promise<Done>): Promise<number> {
  await reportDone(await attempt(invocation, act), reportingOf(invocation));
  return 0;
}

function reportingOf({ flags }: Invocation): Parameters<typeof reportDone>[1] {
  return { json: flags.has('json'), quiet: flags.has('quiet'), verbose: flags.has('verbose') };
}

/** Does it, and gives a file that exists and was only to be made the words of the command line. */
async function attempt<T>({ flags, operands }: Invocation, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await interruptible(({ signal }) => act(signal));
  } catch (error) {
    const exists =
      flags.has('no-overwrite') && WriteError.isWriteError(error) && error.code === 'EEXIST' && error.outcome === 'old';
    throw exists ? new Conflict(`"${operands.at(-1)}" exists already and is untouched`, { cause: error }) : error;
  }
}
