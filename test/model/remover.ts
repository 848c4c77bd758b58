/** Somebody who removes a directory with all that is in it, one by one, as `rm -rf` and `git clean` do. */
import type { System } from '#untorn/system/port.js';
import type { Disk } from './disk.ts';
import { systemOf } from './system.ts';

export class Remover {
  readonly letter = 'R';
  readonly #disk: Disk;
  readonly #system: System;
  readonly #path: string;
  #steps: (() => void)[] | undefined;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#system = systemOf(disk);
    this.#path = path;
  }

  /** It begins when there is something to remove. */
  get canAct(): boolean {
    return this.#steps === undefined ? this.#disk.tree.find(this.#path) !== undefined : this.#steps.length > 0;
  }

  /** Removes the next of what was there when it began. */
  act(): string {
    this.#steps ??= this.#removalOf(this.#path);
    const remove = this.#steps.shift() as () => void;
    try {
      remove();
    } catch {
      // It has gone, or is not empty any more: rm(1) goes on.
    }
    return 'remove';
  }

  #removalOf(path: string): (() => void)[] {
    const found = this.#disk.tree.find(path);
    if (found === undefined) return [];
    if (found.type !== 'directory') return [() => this.#system.unlink(path)];
    const within = [...found.entries.keys()].flatMap((name) => this.#removalOf(`${path}/${name}`));
    return [...within, () => this.#system.rmdir(path)];
  }
}
