/** What `write` and `run` share: data from somewhere replaces FILE, or fails and leaves it. */
import { atomicWrite } from '../atomic-write.ts';
import { isNoDirectory, WriteError } from '../errors.ts';
import type { WriteOptions } from '../options.ts';
import { pathFrom } from './arguments.ts';
import { Conflict, Failure } from './failures.ts';
import { writeOutput } from './output.ts';
import { Progress } from './progress.ts';
import { reportResult } from './report.ts';
import type { Invocation } from './table.ts';
import { readWriteOptions } from './write-options.ts';

/** Where content goes. */
export interface Sink {
  /** Takes one piece. */
  readonly write: (chunk: Uint8Array) => Promise<void>;
  /** Hears how many bytes have come, for the progress. */
  readonly count: (bytes: number) => void;
}

/** Replaces the command's FILE with what `fill` hands to the sink. If it throws, FILE is untouched. */
export async function replace(invocation: Invocation, fill: (sink: Sink) => Promise<void>, signal?: AbortSignal): Promise<void> {
  const { flags, operands } = invocation;
  const file = operands[0] as string;
  const options = await readWriteOptions(invocation);
  const path = pathFrom(file);
  const tee = flags.has('tee');
  const progress = new Progress(!flags.has('quiet'));
  try {
    const result = await atomicWrite(
      path,
      (pending) =>
        fill({
          async write(chunk) {
            await pending.write(chunk);
            if (tee) await writeOutput(chunk);
          },
          count: (bytes) => progress.add(bytes),
        }),
      { ...options, ...(signal !== undefined && { signal }) },
    );
    progress.end();
    await reportResult(result, { json: flags.has('json'), quiet: flags.has('quiet'), verbose: flags.has('verbose') });
  } catch (error) {
    throw explained(error, file, options, invocation.command.length > 0);
  } finally {
    progress.end();
  }
}

/** The error in the words of the command line. */
function explained(error: unknown, file: string, { overwrite }: WriteOptions, running: boolean): unknown {
  if (error instanceof Failure) error.message += `; "${file}" is untouched`;
  if (!WriteError.isWriteError(error) || error.outcome !== 'old') return error;
  if (error.code === 'EINVAL' && error.step === 'resolve') {
    const instead = running ? `"COMMAND > ${file}"` : `"cat > ${file}" or "tee ${file}"`;
    return new Failure(`Cannot replace "${file}": it is a FIFO, a socket, a device or an open descriptor, not a file; use ${instead}`, { cause: error });
  }
  if (isNoDirectory(error.step, error)) return new Failure(`Cannot replace "${file}": its directory does not exist (ENOENT); --make-parents makes it`, { cause: error });
  const exists = error.code === 'EEXIST' && (error.step === 'resolve' || error.step === 'rename');
  return exists && overwrite === false ? new Conflict(`"${file}" exists already and is untouched`, { cause: error }) : error;
}
