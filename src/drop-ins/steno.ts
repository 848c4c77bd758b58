/**
 * `untorn/steno`: the class of steno 4, by the protocol of this package. docs/drop-ins.md says what it does more.
 */
import type { Data, PathLike } from '../contract/index.ts';
import { writeFile } from '../write/index.ts';

/**
 * Writes one file again and again. Of calls that come while the file is being written only the newest is written, and
 * all of them resolve when it is in place. See rename(2), fsync(2), docs/drop-ins.md.
 *
 * @example Save a state
 * ```ts
 * import { Writer } from 'untorn/steno';
 *
 * const state = new Writer('state.json');
 * await Promise.all([state.write('{}'), state.write('{ "count": 1 }')]);
 * ```
 */
export class Writer {
  readonly #filename: PathLike;

  constructor(filename: PathLike) {
    this.#filename = filename;
  }

  /**
   * Replaces the file with `data`, as `writeFile()` of untorn does with durability `'full'`.
   *
   * @throws {WriteError} by rejecting; `outcome` tells which content the file has.
   * @throws {TypeError} by rejecting, for data that is none, before anything is touched.
   */
  async write(data: Data): Promise<void> {
    await writeFile(this.#filename, data);
  }
}
