import type { Chunk, WriteOptions } from '../contract/index.ts';
import type { WriteJsonOptions } from '../json/index.ts';

/** How a {@link Writer} writes. */
export interface WriterOptions<T = unknown> extends WriteOptions {
  /**
   * Makes text or bytes of a value, when its turn comes.
   * @default strings and bytes as they are, other values as {@link writeJson} writes them
   */
  serialize?: ((value: T) => Chunk) | undefined;
  /** For JSON, as of {@link writeJson}. */
  indent?: WriteJsonOptions['indent'];
  /**
   * Milliseconds for which values are collected. The first value starts the time, and later ones do not prolong it: a
   * steady stream of values is written once in each. @default 0
   */
  delay?: number | undefined;
  /**
   * Hears of each write that failed. Promises of `write()` that nobody awaits are then no unhandled rejections; without
   * it they are, and end the program as Node.js has it.
   */
  onError?: ((error: unknown) => void) | undefined;
}
