import { readFileSync } from 'node:fs';
import { WriteError, key } from '../contract/index.ts';
import { absolutePath } from '../system/index.ts';
import { type Transaction, type TransactionWriteOptions, transaction } from '../transaction/index.ts';
import { pathFrom } from './arguments/arguments.ts';
import { readManifest, readOperand, type Change } from './changes.ts';
import { contentOf } from './contents.ts';
import { Conflict, Failure, reasonOf, UsageError } from './failures.ts';
import { standardInput, tellIfAwaited } from './input.ts';
import { interruptible } from './interruption.ts';
import { valueOf } from './arguments/parse.ts';
import { Progress } from './progress.ts';
import { sourceOf } from './replace.ts';
import { reportTransaction } from './report.ts';
import type { Invocation } from './arguments/table.ts';
import { readWriteOptions } from './write-options.ts';

/** `untorn commit TARGET=SOURCE…` */
export async function perform(invocation: Invocation): Promise<number> {
  const { flags } = invocation;
  // Options for one file only are not asked for here, or have their default.
  const { durability, lock, filesystem, fallback: _, ifUnchanged: __, ...each } = await readWriteOptions(invocation);
  const changes = await readChanges(invocation);
  if (!flags.has('quiet') && changes.some((change) => change.kind === 'write' && change.source === 'standard input'))
    tellIfAwaited();
  const progress = new Progress(!flags.has('quiet'));
  const count = (bytes: number): void => progress.add(bytes);
  try {
    const result = await interruptible(({ signal }) =>
      transaction(
        async (tx) => {
          for (const change of changes) await stage(tx, change, each, count);
        },
        { durability, signal, lock, filesystem },
      ),
    );
    progress.end();
    await reportTransaction(result, {
      json: flags.has('json'),
      quiet: flags.has('quiet'),
      verbose: flags.has('verbose'),
    });
    return 0;
  } catch (error) {
    throw explained(error);
  } finally {
    progress.end();
  }
}

async function readChanges(invocation: Invocation): Promise<readonly Change[]> {
  const changes: Change[] = invocation.operands.map(readOperand);
  for (const path of invocation.values.get('remove') ?? []) changes.push({ kind: 'remove', path: pathFrom(path) });
  const manifest = valueOf(invocation, 'manifest');
  if (manifest === undefined && changes.length === 0)
    throw new UsageError('TARGET=SOURCE is missing, and there is no --manifest');
  if (manifest !== undefined) changes.push(...readManifest(await readWhole(manifest)));
  const fromInput = changes.filter((change) => change.kind === 'write' && change.source === 'standard input').length;
  if (fromInput + Number(manifest === '-') > 1) throw new UsageError('Standard input can be read only once');
  refuseTwice(changes);
  return changes;
}

/** Refuses two changes of one file: whichever counted, the other would be a mistake. */
function refuseTwice(changes: readonly Change[]): void {
  const seen = new Set<string>();
  for (const path of changes.flatMap((change) =>
    change.kind === 'rename' ? [change.path, change.to] : [change.path],
  )) {
    const name = key(absolutePath(path));
    if (seen.has(name)) throw new UsageError(`"${path.toString()}" is named twice`);
    seen.add(name);
  }
}

async function readWhole(name: string): Promise<Buffer> {
  if (name !== '-') {
    try {
      return readFileSync(pathFrom(name));
    } catch (error) {
      throw new Failure(`Cannot read "${name}": ${reasonOf(error)}; nothing is changed`, { cause: error });
    }
  }
  const pieces: Buffer[] = [];
  for await (const piece of standardInput(false, () => undefined)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

async function stage(
  tx: Transaction,
  change: Change,
  options: TransactionWriteOptions,
  count: (bytes: number) => void,
): Promise<void> {
  const overwrite = ('overwrite' in change ? change.overwrite : undefined) ?? options.overwrite;
  switch (change.kind) {
    case 'write': {
      const { path, source, mode, ifMatch } = change;
      return tx.writeFile(path, contentOf(source, count), {
        ...options,
        overwrite,
        ...(mode !== undefined && { mode }),
        ...(ifMatch !== undefined && { ifMatch }),
      });
    }
    case 'remove':
      return tx.remove(change.path, { backup: options.backup });
    case 'rename':
      return tx.rename(change.path, change.to, { overwrite });
  }
}

function explained(thrown: unknown): unknown {
  const error = sourceOf(thrown);
  if (error instanceof Failure) error.message += '; nothing is changed';
  const exists =
    WriteError.isWriteError(error) &&
    error.outcome === 'old' &&
    error.code === 'EEXIST' &&
    error.step !== 'make parents';
  return exists
    ? new Conflict(`"${error.path.toString()}" exists already; nothing is changed`, { cause: error })
    : error;
}
