/** Reports of results, for people and for programs. */
import { isUtf8 } from 'node:buffer';
import { WriteError, type PathName, type NotKept, type WriteResult } from '../contract/index.ts';
import type { TransactionResult } from '../transaction/index.ts';
import { CommandFailed, codeOf, Empty, Unheard, UsageError } from './failures.ts';
import { tell, wordsFor } from './messages.ts';
import { writeOutput } from './output.ts';
import { printable } from './printable.ts';
import { inUnits } from './progress.ts';

/** One line of JSON. A path that is not UTF-8 is an object with its bytes in base64. */
export async function printJson(value: unknown): Promise<void> {
  await writeOutput(Buffer.from(`${printable(JSON.stringify(value))}\n`));
}

/** A path in the form for JSON. */
export function jsonPath(path: PathName): string | { base64: string } {
  if (typeof path === 'string') return path;
  return isUtf8(path) ? path.toString() : { base64: path.toString('base64') };
}

/** How much of a result is reported. */
export interface Reporting {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

export async function reportResult(result: WriteResult, { json, quiet, verbose }: Reporting): Promise<void> {
  if (!quiet) warn(result);
  if (verbose) tell(summary(result));
  if (json) await printDone({ ...result, path: jsonPath(result.path), backupPath: jsonPathOrNull(result.backupPath) });
}

export async function reportTransaction(
  { files, durable }: TransactionResult,
  { json, quiet, verbose }: Reporting,
): Promise<void> {
  if (!quiet) {
    for (const { path, notKept, superseded } of files) {
      warnOfLost(path, notKept);
      if (superseded)
        tell(`Warning: "${path.toString()}" was changed by another program right after the commit; that stays`);
    }
    if (durable === 'unsupported')
      tell('Warning: the files are committed, but this filesystem cannot confirm that they survive a power cut');
  }
  if (verbose)
    tell(`Committed ${files.length} ${files.length === 1 ? 'file' : 'files'}${durable === true ? ', durable' : ''}`);
  if (!json) return;
  const told = files.map(({ path, from, backupPath, ...rest }) => ({
    path: jsonPath(path),
    ...rest,
    ...(from !== undefined && { from: jsonPath(from) }),
    backupPath: jsonPathOrNull(backupPath),
  }));
  await printDone({ files: told, durable });
}

/** What was done with a name, and the words for that. */
export interface Done {
  readonly path: PathName;
  readonly durable: boolean | 'unsupported';
  readonly what: string;
  readonly torn?: { readonly path: PathName; readonly bytes: number } | undefined;
}

export async function reportDone({ what, ...done }: Done, { json, quiet, verbose }: Reporting): Promise<void> {
  const { path, durable, torn } = done;
  if (!quiet && torn !== undefined)
    tell(
      `Warning: the torn end of "${path.toString()}" (${inUnits(torn.bytes)}) was cut off; it is kept in "${torn.path.toString()}"`,
    );
  if (!quiet && durable === 'unsupported')
    tell(`Warning: "${path.toString()}" is done, but this filesystem cannot confirm that it survives a power cut`);
  if (verbose) tell(`${what} "${path.toString()}"${durable === true ? ', durable' : ''}`);
  if (json) await printDone(jsonOf(done));
}

/** The same with its paths in the form for JSON. */
function jsonOf(value: object): unknown {
  const fields = Object.entries(value).map(([name, field]: [string, unknown]) => {
    if (typeof field === 'string' || Buffer.isBuffer(field)) return [name, jsonPath(field)];
    return [name, typeof field === 'object' && field !== null ? jsonOf(field) : (field ?? null)];
  });
  return Object.fromEntries(fields as [string, unknown][]);
}

/** Prints a result as JSON. If it cannot be printed, the exit status still says that the content is committed. */
async function printDone(value: unknown): Promise<void> {
  try {
    await printJson(value);
  } catch (error) {
    throw new Unheard(`It is done, but the output is lost: ${wordsFor(error)}`, { cause: error });
  }
}

function jsonPathOrNull(path: PathName | undefined): ReturnType<typeof jsonPath> | null {
  return path === undefined ? null : jsonPath(path);
}

/** Prints a failure as JSON. */
export async function reportFailure(error: unknown): Promise<void> {
  const failed = [error, (error as Error).cause].find((value) => WriteError.isWriteError(value));
  const known = failed === undefined ? { outcome: 'old', step: null } : { outcome: failed.outcome, step: failed.step };
  const files = failed?.files?.map(({ path, holds }) => ({ path: jsonPath(path), holds }));
  const status = error instanceof CommandFailed ? { status: error.status } : {};
  const own = error instanceof UsageError ? 'ERR_USAGE' : error instanceof Empty ? 'ERR_EMPTY' : undefined;
  const code = own ?? codeOf(error) ?? codeOf((error as Error).cause) ?? null;
  await printJson({ error: { message: wordsFor(error), code, ...known, ...(files && { files }), ...status } });
}

function warn({ path, notKept, durable, atomic }: WriteResult): void {
  const file = `"${path.toString()}"`;
  warnOfLost(path, notKept);
  if (durable === 'unsupported')
    tell(`Warning: ${file} is committed, but this filesystem cannot confirm that it survives a power cut`);
  if (!atomic) tell(`Warning: ${file} was written in place, which readers could see`);
}

function warnOfLost(path: PathName, notKept: readonly NotKept[]): void {
  if (notKept.length > 0)
    tell(
      `Warning: "${path.toString()}" is replaced, but could not be given the old file's ${notKept.map((what) => words[what]).join(', ')}`,
    );
}

const words: Record<NotKept, string> = {
  mode: 'mode',
  owner: 'owner',
  group: 'group',
  acl: 'ACL',
  xattr: 'extended attributes',
  flags: 'flags',
  times: 'times',
  birthtime: 'time of birth',
};

function summary({ path, bytes, replaced, unchanged, durable, backupPath }: WriteResult): string {
  const done = unchanged ? 'Left unchanged' : replaced ? 'Replaced' : 'Created';
  const lasting = durable === true ? ', durable' : '';
  const backup = backupPath === undefined ? '' : `; the old content is kept in "${backupPath.toString()}"`;
  return `${done} "${path.toString()}": ${inUnits(bytes)}${lasting}${backup}`;
}
