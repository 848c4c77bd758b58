/** A pipe as a shell makes it. */
import { spawnSync } from 'node:child_process';
import { constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** Both ends: the stream to read, and the descriptor to write, which its user closes. */
export interface Pipe {
  readonly output: Readable;
  readonly input: number;
}

/**
 * A pipe, or undefined if none can be made. It is a FIFO that is unlinked before anything is written. Node.js gives a
 * child process a socket instead, and a command that opens /dev/stdout by name fails on a socket with ENXIO (unix(7)).
 */
export function makePipe(): Pipe | undefined {
  if (process.platform === 'win32') return undefined;
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), 'untorn-'));
    const name = join(folder, 'pipe');
    if (spawnSync('mkfifo', ['-m', '600', name], { stdio: 'ignore' }).status !== 0) return undefined;
    const output = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
    // While one piece is written the next ones are gathered: 100 MiB take a third of the time.
    const options = { fd: output, readable: true, writable: false, highWaterMark: 1 << 20 };
    return { input: openSync(name, 'w'), output: new Socket(options) };
  } catch {
    return undefined; // No place for temporary files; the socket works for most commands.
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
