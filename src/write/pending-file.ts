import type { Writable } from 'node:stream';
import {
  readChunks,
  readData,
  type Chunk,
  type Data,
  forCaller,
  misuse,
  type WriteOptions,
  type PathLike,
  type PathName,
  type WriteResult,
} from '../contract/index.ts';
import {
  runAsync,
  environment,
  targetPath,
  type GivenPath,
  handleOf,
  handleSystem,
  type FileHandle,
  type Steps,
} from '../system/index.ts';
import {
  isSyncedMeanwhile,
  isWorthASync,
  newOperation,
  reporting,
  type Operation,
  readOptions,
  type Settings,
} from '../files/index.ts';
import { Turn } from '../order/index.ts';
import { stage, type Staged } from '../replace/index.ts';
import { PendingFileBase } from './pending-file-base.ts';
import { Pending, writingChunks } from './pending.ts';
import { knownEncoding, PinningWritable, settle } from './stream-callbacks.ts';

/**
 * A file that is being written beside its target, and replaces it when it is committed.
 *
 * Until then readers of the target see the old content. If the process ends first, the target is untouched. Calls that
 * are not awaited are done in the order in which they were made. A write that failed, or was refused for its arguments,
 * makes `commit()` fail too, since it may not have been awaited.
 */
export class PendingFile extends PendingFileBase {
  #last: Promise<unknown> = Promise.resolve();
  #unsynced = 0;
  #syncing: Promise<unknown> | undefined;
  #committed: Promise<WriteResult> | undefined;
  /** The open temporary file. Do not close it. */
  readonly handle: FileHandle;

  /** @internal Use {@link openPending}. */
  constructor(operation: Operation, staged: Staged) {
    super(new Pending(operation, staged));
    this.handle = handleOf(staged.temporary.fd);
  }

  /**
   * Appends all of the data; resolves with the number of bytes.
   *
   * @throws {WriteError} with `outcome` `'old'`; the file can then only be discarded.
   */
  async write(data: Data, encoding?: BufferEncoding): Promise<number> {
    this.pending.assertOpen('write to');
    const content = this.pending.reading(() => readData(data, encoding ?? this.pending.operation.settings.encoding));
    const syncs = isSyncedMeanwhile(this.pending.operation, content);
    // Awaited here, so that the error knows who awaits this call.
    const count = await forCaller(this.#write(() => this.pending.writingContent(content), syncs));
    return count;
  }

  /** Appends all of several chunks in order, in as few system calls as possible; resolves with the number of bytes. */
  async writev(chunks: readonly Chunk[], encoding?: BufferEncoding): Promise<number> {
    this.pending.assertOpen('write to');
    const buffers = this.pending.reading(() =>
      readChunks(chunks, encoding ?? this.pending.operation.settings.encoding),
    );
    const count = await forCaller(
      this.#write(() => this.pending.writing(writingChunks(this.pending.operation, this.fd, buffers))),
    );
    return count;
  }

  /** A stream that writes to this file. Its end does not commit; an error that destroys it makes a commit fail. */
  createWriteStream(): Writable {
    return new PinningWritable({
      write: (chunk: Chunk, encoding, done) => settle(this.write(chunk, knownEncoding(encoding)), done),
      writev: (chunks, done) => settle(this.writev(chunks.map(({ chunk }) => chunk as Chunk)), done),
      destroy: (error, done) => {
        if (error !== null) this.pending.failure ??= { error };
        done(error);
      },
      decodeStrings: true,
    });
  }

  /**
   * Replaces the target with the content, as durably as was asked for.
   *
   * @throws {WriteError} `outcome` tells which content the target has.
   * @throws {TypeError} `ERR_INVALID_STATE` if it is committed or discarded already.
   */
  async commit(): Promise<WriteResult> {
    this.pending.assertOpen('commit');
    this.pending.state = 'committing';
    const turn = new Turn(this.pending.operation);
    this.#committed = this.#finish(() => this.#commitWritten(turn));
    const result = await forCaller(this.#committed);
    return result;
  }

  *#commitWritten(turn: Turn): Steps<WriteResult> {
    const { failure } = this.pending;
    if (failure === undefined) return yield* this.pending.committing(turn);
    turn.leave();
    yield* this.pending.givingUp(true);
    throw failure.error;
  }

  /** Removes the temporary file and leaves the target as it is. No effect after a commit. */
  async discard(): Promise<void> {
    await this.#end(false);
  }

  async #end(failed: boolean): Promise<PathName | undefined> {
    // The commit or discard may be under way: once it is over, nothing is left to discard.
    if (this.pending.state !== 'open') await this.#last;
    if (this.pending.state !== 'open') return undefined;
    this.pending.state = 'discarded';
    return this.#finish(() => this.pending.givingUp(failed));
  }

  /** Discards it unless it was committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.discard();
  }

  /** Writes, and concurrently syncs what was written before, if it is much. */
  async #write(steps: () => Steps<number>, syncs = false): Promise<number> {
    this.#syncBeside();
    const count = await this.#run(steps);
    if (!syncs) this.#unsynced += count;
    return count;
  }

  #syncBeside(): void {
    if (
      this.#syncing !== undefined ||
      this.pending.failure !== undefined ||
      this.handle.fd === -1 ||
      !isWorthASync(this.pending.operation, this.#unsynced)
    )
      return;
    this.#unsynced = 0;
    this.#syncing = runAsync(this.pending.syncingEarly(), handleSystem()).finally(() => (this.#syncing = undefined));
  }

  /** The last steps of the file: nothing else of it is under way then. */
  #finish<T>(steps: () => Steps<T>): Promise<T> {
    this.#last = this.#last.then(() => this.#syncing);
    return this.#run(steps);
  }

  /** Runs steps one after the other. */
  #run<T>(steps: () => Steps<T>): Promise<T> {
    const run = this.#last.then(() => {
      this.#noticeClosed();
      return runAsync(steps(), handleSystem());
    });
    this.#last = run.catch(() => undefined);
    return run;
  }

  /**
   * Once somebody has closed the handle, the number of its descriptor may be another file's: it may not be used any
   * more.
   */
  #noticeClosed(): void {
    if (this.handle.fd !== -1 || this.committed) return;
    this.pending.staged.temporary.open = false;
    this.pending.failure ??= {
      error: misuse(
        'ERR_INVALID_STATE',
        `The handle of the temporary file of "${this.pending.operation.given.toString()}" was closed`,
      ),
    };
  }

  /** @internal After a failure of the caller: discards it, or keeps it and returns where. */
  static fail(file: PendingFile): Promise<PathName | undefined> {
    return file.#end(true);
  }

  /** @internal The result of the commit, if there was one. */
  static result(file: PendingFile): Promise<WriteResult> | undefined {
    return file.#committed;
  }
}

/**
 * Opens a file that will replace the one at `path`.
 *
 * @see docs/functions.md
 * @throws {WriteError} by rejecting, if the target cannot be replaced or no temporary file can be made.
 * @example Write in pieces
 * ```ts
 * await using file = await openPending('report.csv');
 * await file.write('name,size\n');
 * await file.commit(); // without it the old file stays
 * ```
 */
export async function openPending(
  path: PathLike,
  options?: WriteOptions | BufferEncoding | null,
): Promise<PendingFile> {
  const settings = readOptions(options);
  return openToWrite(targetPath(path), settings);
}

/** Opens a pending file with options that have been read. */
export async function openToWrite(target: GivenPath, settings: Settings): Promise<PendingFile> {
  const operation = newOperation(target, settings, environment, false);
  const staged = await runAsync(reporting(operation, stage(operation)), handleSystem());
  return new PendingFile(operation, staged);
}
