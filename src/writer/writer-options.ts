import type { Chunk, WriteOptions } from '../contract/index.ts';
import type { AnyFormat, WriteJsonOptions } from '../json/index.ts';

/** How a {@link Writer} writes. */
export interface WriterOptions<T = unknown> extends WriteOptions {
  /**
   * Makes text or bytes of a value, when its turn comes.
   * @default strings and bytes as they are, other values like {@link writeJson}
   */
  serialize?: ((value: T) => Chunk) | undefined;
  /**
   * Another format than JSON, for all values; its `stringify` is called when the turn of a value comes. Not with
   * `serialize`. @default JSON
   */
  format?: AnyFormat<T> | undefined;
  /** For JSON, as in {@link writeJson}. @default as in the replaced file */
  indent?: WriteJsonOptions['indent'];
  /**
   * Milliseconds for which values are collected. The first value starts the time, and later ones do not extend it: a
   * steady stream of values is written once per delay. @default 0
   */
  delay?: number | undefined;
  /**
   * Called for each write that failed. Unawaited promises of `write()` are then not unhandled rejections; without it
   * they are, and end the program.
   * @default none
   */
  onError?: ((error: unknown) => void) | undefined;
}
