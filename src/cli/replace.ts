/**
 * The common part of `write`, `run` and `edit`: content from a source replaces FILE, or the command fails and FILE
 * stays.
 */
import { WriteError, type WriteOptions, type PathName, type WriteResult } from '../contract/index.ts';
import { pathFrom } from './arguments/arguments.ts';
import { Conflict, Empty, Failure, Interrupted } from './failures.ts';
import { writeOutput } from './output.ts';
import { Progress } from './progress.ts';
import { reportResult } from './report.ts';
import type { Invocation } from './arguments/table.ts';
import { readWriteOptions } from './write-options.ts';

type Pieces = AsyncIterable<Uint8Array>;

/** The observers of the content on its way. */
export interface Flow {
  /** Receives the number of bytes, for the progress. */
  readonly count: (bytes: number) => void;
  /** Passes the pieces on, and copies them to standard output if that was asked for. */
  readonly tee: (pieces: Pieces) => Pieces;
}

/** Does the command's work on FILE with `put`. If it fails, FILE is untouched. */
export async function replace(
  invocation: Invocation,
  put: (path: PathName, options: WriteOptions, flow: Flow) => Promise<WriteResult>,
): Promise<void> {
  const { flags, operands } = invocation;
  const file = operands[0] as string;
  const options = await readWriteOptions(invocation);
  const progress = new Progress(!flags.has('quiet'));
  try {
    const flow = {
      count: (bytes: number) => progress.add(bytes),
      tee: flags.has('tee') ? teed : (pieces: Pieces) => pieces,
    };
    const result = await put(pathFrom(file), options, flow);
    progress.end();
    await reportResult(result, { json: flags.has('json'), quiet: flags.has('quiet'), verbose: flags.has('verbose') });
  } catch (error) {
    throw explained(error, file, options, invocation.command.length > 0);
  } finally {
    progress.end();
  }
}

async function* teed(pieces: Pieces): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    yield piece;
    await writeOutput(piece);
  }
}

/** The error in the words of the command line. */
function explained(thrown: unknown, file: string, { overwrite }: WriteOptions, running: boolean): unknown {
  const error = sourceOf(thrown);
  if (error instanceof Failure) error.message += `; "${file}" is untouched`;
  if (!WriteError.isWriteError(error) || error.outcome !== 'old') return error;
  if (error.code === 'EINVAL' && error.step === 'resolve') {
    const instead = running ? `"COMMAND > ${file}"` : `"cat > ${file}" or "tee ${file}"`;
    return new Failure(
      `Cannot replace "${file}": it is a FIFO, a socket, a device or an open descriptor, not a file; use ${instead}`,
      { cause: error },
    );
  }
  const exists = error.code === 'EEXIST' && (error.step === 'resolve' || error.step === 'rename');
  return exists && overwrite === false
    ? new Conflict(`"${file}" exists already and is untouched`, { cause: error })
    : error;
}

/** The error of the content's source, if that is what failed. */
export function sourceOf(error: unknown): unknown {
  const cause = WriteError.isWriteError(error) && error.outcome === 'old' ? error.cause : undefined;
  return cause instanceof Failure || cause instanceof Empty || cause instanceof Interrupted || cause instanceof Conflict
    ? cause
    : error;
}
