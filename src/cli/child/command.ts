/** A command that runs as a child, and whose standard output is read. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { CommandFailed, codeOf, Failure, reasonOf } from '../failures.ts';
import type { Interruption } from '../interruption.ts';
import { makePipe } from './pipe.ts';

/** The standard input of a command: that of untorn, none, or a file that is opened for it. */
export type Input = 'inherit' | 'ignore' | (() => number);

class Command {
  /**
   * The command's standard output. It fails as soon as the command has failed or was interrupted, and ends when nobody
   * can write to it.
   */
  readonly output: Readable;
  /** Resolves when the command has exited with 0; otherwise it rejects. */
  readonly succeeded: Promise<void>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, output: Readable, name: string, interruption: Interruption) {
    this.#child = child;
    this.output = output;
    this.succeeded = ended(child, name, interruption);
    this.succeeded.catch((error: Error) => output.destroy(error));
    // After the command has ended: a background process that it left may go on writing.
    interruption.signal.addEventListener('abort', () => output.destroy(interruption.error));
  }

  static start([name = '', ...given]: readonly string[], interruption: Interruption, input: Input): Command {
    const stdin = typeof input === 'function' ? input() : input;
    const pipe = makePipe();
    try {
      const child = spawn(name, given, { stdio: [stdin, pipe?.input ?? 'pipe', 'inherit'] });
      return new Command(child, pipe?.output ?? (child.stdout as Readable), name, interruption);
    } catch (error) {
      pipe?.output.destroy();
      throw cannotRun(name, error);
    } finally {
      if (pipe !== undefined) closeSync(pipe.input);
      if (typeof stdin === 'number') closeSync(stdin);
    }
  }

  /** Ends the command if its output is no longer wanted. */
  async stop(): Promise<void> {
    this.output.destroy();
    this.#child.kill('SIGTERM');
    await this.succeeded.catch(() => undefined);
  }
}

/**
 * All of a command's output, and then an error unless the command succeeded. `count` receives the number of bytes of
 * each piece. The command is ended if the rest is not wanted.
 */
export async function* outputOf(
  words: readonly string[],
  input: Input,
  interruption: Interruption,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (interruption.error !== undefined) throw interruption.error;
  const command = Command.start(words, interruption, input);
  try {
    for await (const chunk of command.output as AsyncIterable<Buffer>) {
      count(chunk.byteLength);
      yield chunk;
    }
    await command.succeeded;
  } finally {
    await command.stop();
  }
}

/** Runs a command with the standard streams of untorn; it fails unless the command succeeds. */
export function runToEnd([name = '', ...given]: readonly string[], interruption: Interruption): Promise<void> {
  if (interruption.error !== undefined) throw interruption.error;
  try {
    return ended(spawn(name, given, { stdio: 'inherit' }), name, interruption);
  } catch (error) {
    throw cannotRun(name, error);
  }
}

function ended(child: ChildProcess, name: string, interruption: Interruption): Promise<void> {
  interruption.passTo((signal) => void child.kill(signal));
  return new Promise((succeed, fail) => {
    child.once('error', (error) => {
      interruption.commandEnded();
      fail(cannotRun(name, error));
    });
    child.once('exit', (code, signal) => {
      interruption.commandEnded();
      if (interruption.error !== undefined) fail(interruption.error);
      else if (signal !== null)
        fail(new CommandFailed(`"${name}" was killed by ${signal}`, 128 + constants.signals[signal]));
      else if (code !== 0) fail(new CommandFailed(`"${name}" exited with ${code}`, code ?? 1));
      else succeed();
    });
  });
}

/** The codes that say that the system cannot start any process, which is not the command's fault. */
const lacking = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE']);

/** The exit statuses are those of the shell and env(1). */
function cannotRun(name: string, error: unknown): Failure {
  const code = codeOf(error) ?? '';
  if (code === 'ENOENT') return new CommandFailed(`"${name}" was not found`, 127, { cause: error });
  const text = `Cannot run "${name}": ${reasonOf(error)}`;
  return lacking.has(code) ? new Failure(text, { cause: error }) : new CommandFailed(text, 126, { cause: error });
}
