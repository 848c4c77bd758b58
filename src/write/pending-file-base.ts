import type { PathName } from '../contract/index.ts';
import type { Pending } from './pending.ts';

/** The properties of a pending file, whether its methods block or not. */
export abstract class PendingFileBase {
  /** @internal */
  declare protected readonly pending: Pending;

  /** @internal */
  protected constructor(pending: Pending) {
    // Not enumerable: printing the object does not show its internals.
    Object.defineProperty(this, 'pending', { value: pending });
  }

  /** The file that a commit replaces, symbolic links followed. */
  get path(): PathName {
    return this.pending.operation.path;
  }

  /** Where the content is until then. */
  get temporaryPath(): PathName {
    return this.pending.staged.temporary.path;
  }

  /** The descriptor of the temporary file, for functions of `node:fs`. Do not close it. */
  get fd(): number {
    return this.pending.staged.temporary.fd;
  }

  /** Whether the content is committed. */
  get committed(): boolean {
    return this.pending.state === 'committed';
  }
}
