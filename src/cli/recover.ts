import {
  recover,
  type RecoverOptions,
  type KeptTransaction,
  type RecoveredFile,
  type RecoverResult,
} from '../journal/index.ts';
import { readDuration } from './arguments/duration.ts';
import { inEachDirectory } from './each-directory.ts';
import { reasonOf } from './failures.ts';
import { tell } from './messages.ts';
import { print } from './output.ts';
import { valueOf } from './arguments/parse.ts';
import { printableLine } from './printable.ts';
import { jsonPath } from './report.ts';
import type { Invocation } from './arguments/table.ts';

/** `untorn recover DIR…` */
export async function perform(invocation: Invocation): Promise<number> {
  const age = valueOf(invocation, 'older-than');
  const options: RecoverOptions = age === undefined ? {} : { olderThan: readDuration(age, '--older-than') };
  return inEachDirectory<RecoverResult>(invocation, {
    verb: 'recover',
    perform: (directory) => recover(directory, options),
    show,
    asJson,
    isFailure: ({ files, kept }) => files.some(isLost) || kept.some(isTrouble),
  });
}

async function show({ files, removed, kept }: RecoverResult, quiet: boolean): Promise<void> {
  const done = files.map(({ outcome, path }) => printableLine(`${outcome} `, path));
  await print(Buffer.concat([...done, ...removed.map((path) => printableLine('removed ', path))]));
  for (const one of kept) if (!quiet || isTrouble(one)) tell(`Kept "${one.path.toString()}": ${reasonToKeep(one)}`);
}

/** Whether the content of a file may be lost. */
function isLost({ outcome }: RecoveredFile): boolean {
  return outcome === 'missing' || outcome === 'unknown';
}

const reasons: Record<KeptTransaction['reason'], string> = {
  alive: 'the transaction is under way',
  young: 'its owner cannot be judged, and it changed not long ago',
  foreign: "it is another user's, or others can write it",
  copied: 'this directory is a copy of the one in which it was written',
  unreachable: 'one of its directories cannot be found; it may not be mounted',
  damaged: 'it is damaged, or of a newer version of untorn',
  failed: 'the system refused',
};

/** Whether something is left that waiting does not resolve. */
function isTrouble({ reason }: KeptTransaction): boolean {
  return reason === 'unreachable' || reason === 'copied' || reason === 'damaged' || reason === 'failed';
}

function reasonToKeep({ reason, error }: KeptTransaction): string {
  return error === undefined ? reasons[reason] : reasonOf(error);
}

function asJson(all: readonly RecoverResult[]): unknown {
  return {
    files: all.flatMap(({ files }) => files.map(({ path, outcome }) => ({ path: jsonPath(path), outcome }))),
    completed: all.flatMap(({ completed }) => completed.map(jsonPath)),
    removed: all.flatMap(({ removed }) => removed.map(jsonPath)),
    kept: all.flatMap(({ kept }) =>
      kept.map((one) => ({
        path: jsonPath(one.path),
        reason: one.reason,
        ...(one.directories !== undefined && { directories: one.directories.map(jsonPath) }),
        ...(one.error !== undefined && { error: reasonOf(one.error) }),
      })),
    ),
  };
}
