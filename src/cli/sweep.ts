import type { KeptFile, SweepResult } from '../contract/index.ts';
import { sweep, type SweepOptions } from '../sweep/index.ts';
import { readDuration } from './arguments/duration.ts';
import { inEachDirectory } from './each-directory.ts';
import { reasonOf } from './failures.ts';
import { tell } from './messages.ts';
import { print } from './output.ts';
import { valueOf } from './arguments/parse.ts';
import { printableLine } from './printable.ts';
import { jsonPath } from './report.ts';
import type { Invocation } from './arguments/table.ts';

/** `untorn sweep DIR…` */
export async function perform(invocation: Invocation): Promise<number> {
  const { flags } = invocation;
  const age = valueOf(invocation, 'older-than');
  const options: SweepOptions = {
    recursive: flags.has('recursive'),
    dryRun: flags.has('dry-run'),
    ...(age !== undefined && { olderThan: readDuration(age, '--older-than') }),
  };
  return inEachDirectory<SweepResult>(invocation, {
    verb: 'sweep',
    perform: (directory) => sweep(directory, options),
    show,
    asJson,
    isFailure: ({ kept }) => kept.some(({ reason }) => reason === 'failed'),
  });
}

async function show({ removed, kept, recoverable }: SweepResult, quiet: boolean): Promise<void> {
  await print(Buffer.concat(removed.map((path) => printableLine('', path))));
  for (const file of kept)
    if (!quiet || file.reason === 'failed') tell(`Kept "${file.path.toString()}": ${reasonToKeep(file)}`);
  for (const path of quiet ? [] : recoverable)
    tell(`Recoverable "${path.toString()}": it was kept after a failure; copy it back or delete it`);
}

const reasons: Record<KeptFile['reason'], string> = {
  alive: 'its writer is alive',
  young: 'its writer cannot be judged, and it changed not long ago',
  foreign: "it is another user's",
  linked: 'it has another hard link',
  special: 'it is not a regular file, or a directory without proof that it may be removed',
  transaction: 'it is part of a transaction, which "untorn recover" completes or removes',
  failed: 'it cannot be removed',
};

function reasonToKeep({ reason, error }: KeptFile): string {
  return error === undefined ? reasons[reason] : `${reasons[reason]}: ${reasonOf(error)}`;
}

function asJson(all: readonly SweepResult[]): unknown {
  return {
    removed: all.flatMap(({ removed }) => removed.map(jsonPath)),
    kept: all.flatMap(({ kept }) =>
      kept.map((file) => ({
        path: jsonPath(file.path),
        reason: file.reason,
        ...(file.error !== undefined && { error: reasonOf(file.error) }),
      })),
    ),
    recoverable: all.flatMap(({ recoverable }) => recoverable.map(jsonPath)),
  };
}
