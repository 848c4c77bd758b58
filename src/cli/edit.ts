import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { PathName } from '../contract/index.ts';
import { O_NOFOLLOW, O_RDONLY } from '../system/index.ts';
import { updateFile } from '../update/index.ts';
import { assertText } from './arguments/arguments.ts';
import { outputOf } from './child/command.ts';
import { nothingForSomething, printedNothing } from './empty.ts';
import { codeOf, Conflict } from './failures.ts';
import { readCount } from './write-options.ts';
import { interruptible } from './interruption.ts';
import { replace } from './replace.ts';
import type { Invocation } from './arguments/table.ts';

/** `untorn edit FILE -- FILTER [ARG]…` */
export async function perform(invocation: Invocation): Promise<number> {
  const { command, flags, operands } = invocation;
  assertText(command);
  const retries = readCount(invocation, 'retries');
  // The command prints nothing and edits the file in place, which is not safe.
  const editsItself = command.some((word) => /^-(?:-in-place|i)/.test(word) || word === operands[0]);
  const instead = editsItself
    ? `"${command[0]}" seems to edit the file itself; let it read standard input and print the result (sed: without -i and the file's name)`
    : undefined;
  await interruptible((interruption) =>
    replace(invocation, (path, options, { count, tee }) =>
      updateFile(
        path,
        (old, info) => {
          if (old === undefined && !flags.has('create'))
            throw new Missing(`Cannot edit "${operands[0]}": it does not exist; --create starts with no content`);
          const output = tee(
            outputOf(command, old === undefined ? 'ignore' : () => open(info.path, old), interruption, count),
          );
          return flags.has('allow-empty')
            ? output
            : nothingForSomething(
                output,
                () => old !== undefined && old.length > 0,
                printedNothing(invocation, instead),
              );
        },
        { ...options, retries, encoding: null, signal: interruption.signal },
      ),
    ),
  );
  return 0;
}

class Missing extends Error {}

/**
 * The old content as an open file. A filter can also open /dev/stdin by name, which it cannot do with a socket. It is
 * this content whatever has happened to directories and links meanwhile.
 */
function open(path: PathName, content: Buffer): number {
  const fd = openRegular(path);
  if (fd !== undefined && holds(fd, content)) return fd;
  if (fd !== undefined) closeSync(fd);
  throw new Conflict(`"${path.toString()}" was changed just now`);
}

/** Never follows a link and never waits: somebody may have put a FIFO in the place of the file. */
function openRegular(path: PathName): number | undefined {
  let fd;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW);
  } catch (error) {
    if (!['ELOOP', 'ENXIO', 'ENOENT'].includes(codeOf(error) ?? '')) throw error;
    return undefined;
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return undefined;
}

function holds(fd: number, content: Buffer): boolean {
  const piece = Buffer.allocUnsafe(64 << 10);
  for (let read = 0; ;) {
    // By position, so that the filter starts at the beginning.
    const bytes = readSync(fd, piece, 0, piece.length, read);
    if (bytes === 0) return read === content.length;
    if (!piece.subarray(0, bytes).equals(content.subarray(read, read + bytes))) return false;
    read += bytes;
  }
}
