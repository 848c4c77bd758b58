/** The writes of one thread: each has the next number, and what was acknowledged is remembered for each file. */
import { randomUUID } from 'node:crypto';
import { writeFileSync as plainWrite } from 'node:fs';
import { rename, writeFile as plainWriteLater } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { atomicWrite, createWriteStream, writeFile, writeFileSync, type WriteOptions } from 'untorn';
import { everyDurability } from '../support/evidence.ts';
import { compose } from './content.ts';

/** With the package; or wrongly: in place, or by renames in any order. */
export type How = 'untorn' | 'in place' | 'unordered';

/** The next write has another durability than the one before, which it may overtake. */
function optionsOf(sequence: number): WriteOptions {
  return { durability: everyDurability[sequence % everyDurability.length]! };
}

export class Writes {
  readonly writer: string;
  readonly #how: How;
  readonly #last = new Map<string, number>();
  #sequence = 0;
  #done = 0;

  constructor(writer: string, how: How) {
    this.writer = writer;
    this.#how = how;
  }

  /** The newest version of a file that was acknowledged to this thread. */
  last(path: string): number | undefined {
    return this.#last.get(path);
  }

  /** How many writes were acknowledged since this was asked last. */
  take(): number {
    const done = this.#done;
    this.#done = 0;
    return done;
  }

  #next(): { sequence: number; content: Buffer } {
    const sequence = ++this.#sequence;
    return { sequence, content: compose({ writer: this.writer, sequence }) };
  }

  #acknowledge(path: string, sequence: number): void {
    this.#last.set(path, Math.max(sequence, this.#last.get(path) ?? 0));
    this.#done++;
  }

  sync(path: string): void {
    const { sequence, content } = this.#next();
    if (this.#how === 'in place') plainWrite(path, content);
    else writeFileSync(path, content, optionsOf(sequence));
    this.#acknowledge(path, sequence);
  }

  async async(path: string): Promise<void> {
    const { sequence, content } = this.#next();
    if (this.#how === 'in place') plainWrite(path, content);
    else if (this.#how === 'unordered') await renamed(path, content);
    else await writeFile(path, content, optionsOf(sequence));
    this.#acknowledge(path, sequence);
  }

  async stream(path: string): Promise<void> {
    const { sequence, content } = this.#next();
    if (this.#how === 'in place') plainWrite(path, content);
    else await pipeline([content.subarray(0, 9), content.subarray(9)], createWriteStream(path, optionsOf(sequence)));
    this.#acknowledge(path, sequence);
  }

  async pieces(path: string): Promise<void> {
    const { sequence, content } = this.#next();
    if (this.#how === 'in place') plainWrite(path, content);
    else await atomicWrite(path, (file) => file.write(content), { ...optionsOf(sequence), backup: false });
    this.#acknowledge(path, sequence);
  }
}

async function renamed(path: string, content: Buffer): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  await plainWriteLater(temporary, content);
  await rename(temporary, path);
}
