import { type Content, misuse, type PathName, type WriteResult } from '../contract/index.ts';
import { call, type Steps } from '../system/index.ts';
import {
  during,
  writeAllOf,
  writeContent,
  asWriteError,
  reporting,
  type Operation,
  cannotSync,
} from '../files/index.ts';
import type { Turn } from '../order/index.ts';
import { commitStaged, giveUp, type Staged } from '../replace/index.ts';

type State = 'open' | 'committing' | 'committed' | 'discarded' | 'failed';

/** A staged file and its state: the common part of the two kinds of pending file. */
export class Pending {
  readonly operation: Operation;
  readonly staged: Staged;
  state: State = 'open';
  /** Why it cannot be committed any more. */
  failure: { readonly error: unknown } | undefined;
  /** Whether a sync has failed: content written before may be gone. */
  isLost = false;

  constructor(operation: Operation, staged: Staged) {
    this.operation = operation;
    this.staged = staged;
  }

  assertOpen(action: string): void {
    if (this.state !== 'open')
      throw misuse(
        'ERR_INVALID_STATE',
        `Cannot ${action} "${this.operation.given.toString()}": it is ${described[this.state]}`,
      );
  }

  /** Reads the data of a call that may not be awaited: if the data is refused, a commit must not silently lack it. */
  reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.failure ??= { error };
      throw error;
    }
  }

  /** Writes content; a source is closed whatever happens. */
  *writingContent(content: Content): Steps<number> {
    try {
      return yield* this.writing(writeContent(this.operation, this.staged.temporary.fd, content));
    } finally {
      if (content.kind === 'source') content.source.close();
    }
  }

  /**
   * Performs steps that write. A failure leaves the file incomplete, so that a later commit fails with the same error.
   */
  *writing<T>(steps: Steps<T>): Steps<T> {
    if ((!this.staged.temporary.open || this.isLost) && this.failure !== undefined) throw this.failure.error;
    try {
      return yield* reporting(this.operation, steps);
    } catch (error) {
      this.failure ??= { error };
      throw error;
    }
  }

  /**
   * Syncs written content while more is written, so that little is left for the commit. Nothing may be written after a
   * failure.
   */
  *syncingEarly(): Steps<void> {
    try {
      yield* call.fdatasync(this.staged.temporary.fd);
    } catch (error) {
      // The sync at the end reports that, and whether it matters.
      if (cannotSync(error)) return;
      this.isLost = true;
      this.failure ??= { error: asWriteError({ ...this.operation, step: 'sync' }, error) };
    }
  }

  *committing(turn: Turn): Steps<WriteResult> {
    try {
      const result = yield* commitStaged(this.operation, this.staged, turn);
      this.state = 'committed';
      return result;
    } catch (error) {
      this.state = this.operation.outcome === 'new' ? 'committed' : 'failed';
      throw error;
    }
  }

  *givingUp(failed: boolean): Steps<PathName | undefined> {
    this.state = failed ? 'failed' : 'discarded';
    return yield* giveUp(this.operation, this.staged, failed);
  }
}

const described: Record<State, string> = {
  open: 'open',
  committing: 'being committed',
  committed: 'committed already',
  discarded: 'discarded already',
  failed: 'discarded already, after a failure',
};

/** Writes all of several buffers; returns the number of bytes. */
export function writingChunks(operation: Operation, fd: number, buffers: readonly Uint8Array[]): Steps<number> {
  return during(operation, 'write', writeAllOf(operation, fd, buffers));
}
