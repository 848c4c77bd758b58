import {
  readChunks,
  readSyncData,
  type Chunk,
  type SyncData,
  type WriteOptions,
  type PathLike,
  type PathName,
  type WriteResult,
} from '../contract/index.ts';
import { environment, targetPath, runSync } from '../system/index.ts';
import { newOperation, reporting, type Operation, readOptions } from '../files/index.ts';
import { Turn } from '../order/index.ts';
import { stage, type Staged } from '../replace/index.ts';
import { PendingFileBase } from './pending-file-base.ts';
import { Pending, writingChunks } from './pending.ts';

/** A pending file whose methods block; see {@link PendingFile}. */
export class PendingFileSync extends PendingFileBase {
  #committed: WriteResult | undefined;

  /** @internal Use {@link openPendingSync}. */
  constructor(operation: Operation, staged: Staged) {
    super(new Pending(operation, staged));
  }

  /** Appends all of the data; returns the number of bytes. */
  write(data: SyncData, encoding?: BufferEncoding): number {
    this.pending.assertOpen('write to');
    const content = readSyncData(data, encoding ?? this.pending.operation.settings.encoding);
    return runSync(this.pending.writingContent(content));
  }

  /** Appends all of several chunks in order, in as few system calls as possible; returns the number of bytes. */
  writev(chunks: readonly Chunk[], encoding?: BufferEncoding): number {
    this.pending.assertOpen('write to');
    const buffers = readChunks(chunks, encoding ?? this.pending.operation.settings.encoding);
    return runSync(this.pending.writing(writingChunks(this.pending.operation, this.fd, buffers)));
  }

  /** Replaces the target with the content, as durably as was asked for; see {@link PendingFile.commit}. */
  commit(): WriteResult {
    this.pending.assertOpen('commit');
    if (this.pending.failure !== undefined) {
      runSync(this.pending.givingUp(true));
      throw this.pending.failure.error;
    }
    this.pending.state = 'committing';
    this.#committed = runSync(this.pending.committing(new Turn(this.pending.operation)));
    return this.#committed;
  }

  /** Removes the temporary file and leaves the target as it is. No effect after a commit. */
  discard(): void {
    if (this.pending.state === 'open') runSync(this.pending.givingUp(false));
  }

  /** Discards it unless it was committed. */
  [Symbol.dispose](): void {
    this.discard();
  }

  /** @internal After a failure of the caller: discards it, or keeps it and returns where. */
  static fail(file: PendingFileSync): PathName | undefined {
    return file.pending.state === 'open' ? runSync(file.pending.givingUp(true)) : undefined;
  }

  /** @internal The result of the commit, if there was one. */
  static result(file: PendingFileSync): WriteResult | undefined {
    return file.#committed;
  }
}

/** Opens a file that will replace the one at `path`, blocking; see {@link openPending}. */
export function openPendingSync(path: PathLike, options?: WriteOptions | BufferEncoding | null): PendingFileSync {
  const settings = readOptions(options);
  const operation = newOperation(targetPath(path), settings, environment, true);
  return new PendingFileSync(operation, runSync(reporting(operation, stage(operation))));
}
