/** What was done, for people and for programs. */
import { isUtf8 } from 'node:buffer';
import { WriteError } from '../errors.ts';
import type { PathName } from '../path.ts';
import type { NotKept, WriteResult } from '../result.ts';
import { CommandFailed, codeOf } from './failures.ts';
import { tell, wordsFor } from './messages.ts';
import { print } from './output.ts';
import { inUnits } from './progress.ts';

/** One line of JSON. A path that is not UTF-8 is an object with its bytes in base64. */
export async function printJson(value: unknown): Promise<void> {
  await print(`${JSON.stringify(value)}\n`);
}

/** A path as JSON can say it. */
export function jsonPath(path: PathName): string | { base64: string } {
  if (typeof path === 'string') return path;
  return isUtf8(path) ? path.toString() : { base64: path.toString('base64') };
}

export async function reportResult(result: WriteResult, { json, quiet, verbose }: { json: boolean; quiet: boolean; verbose: boolean }): Promise<void> {
  if (!quiet) warn(result);
  if (verbose) tell(summary(result));
  if (!json) return;
  const { path, backupPath, ...rest } = result;
  try {
    await printJson({ path: jsonPath(path), ...rest, backupPath: backupPath === undefined ? null : jsonPath(backupPath) });
  } catch (error) {
    // The file is in place, which is what the exit status tells.
    tell(wordsFor(error));
  }
}

/** What failed, as JSON. */
export async function reportFailure(error: unknown): Promise<void> {
  const failed = [error, (error as Error).cause].find((value) => WriteError.isWriteError(value));
  const known = failed === undefined ? { outcome: 'old', step: null } : { outcome: failed.outcome, step: failed.step };
  const status = error instanceof CommandFailed ? { status: error.status } : {};
  await printJson({ error: { message: wordsFor(error), code: codeOf(error) ?? codeOf((error as Error).cause) ?? null, ...known, ...status } });
}

function warn({ path, notKept, durable, atomic }: WriteResult): void {
  const file = `"${path.toString()}"`;
  if (notKept.length > 0) tell(`Warning: ${file} is replaced, but could not be given the old file's ${notKept.map((what) => words[what]).join(', ')}`);
  if (durable === 'unsupported') tell(`Warning: ${file} is in place, but this filesystem cannot confirm that it survives a power cut`);
  if (!atomic) tell(`Warning: ${file} was written in place, which readers could see`);
}

const words: Record<NotKept, string> = { mode: 'mode', owner: 'owner', group: 'group', acl: 'ACL', xattr: 'extended attributes', times: 'times' };

function summary({ path, bytes, replaced, unchanged, durable, backupPath }: WriteResult): string {
  const done = unchanged ? 'Left unchanged' : replaced ? 'Replaced' : 'Created';
  const lasting = durable === true ? ', durable' : '';
  const backup = backupPath === undefined ? '' : `; the old content is kept in "${backupPath.toString()}"`;
  return `${done} "${path.toString()}": ${inUnits(bytes)}${lasting}${backup}`;
}
