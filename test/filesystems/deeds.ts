/** What an actor does again and again: writes, reads, updates, creations. */
import fs from 'node:fs';
import { join } from 'node:path';
import * as untorn from 'untorn';
import { compose, inspect } from '../torture/content.ts';
import { failureOf } from './failure.ts';

export type Way = 'updateFile' | 'updateFileSync' | 'ifMatch';

let stopped = false;

/** Ends `readVersions`. */
export function stopReading(): void {
  stopped = true;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const count = (counts: Map<string, number>, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);

/** Writes and counts acknowledgements until the time is up and enough was written. */
export async function writeVersions(
  path: string,
  writer: string,
  {
    milliseconds,
    least,
    plain,
    options = {},
  }: { milliseconds: number; least: number; plain: boolean; options?: untorn.WriteOptions },
): Promise<{ writes: number; errors: Map<string, number>; newest: number }> {
  const errors = new Map<string, number>();
  const end = Date.now() + milliseconds;
  let [writes, newest] = [0, 0];
  for (
    let sequence = 1;
    (Date.now() < end || writes < least) &&
    sequence < 100_000 &&
    errors.size < 5 &&
    (errors.size === 0 || sequence < 200);
    sequence++
  ) {
    const content = compose({ writer, sequence });
    try {
      if (plain) {
        fs.writeFileSync(`${path}.${writer}`, content);
        fs.renameSync(`${path}.${writer}`, path);
      } else if (sequence % 2 === 0) untorn.writeFileSync(path, content, options);
      else await untorn.writeFile(path, content, options);
      newest = sequence;
      writes++;
    } catch (error) {
      count(errors, failureOf(error).code);
    }
    if (sequence % 10 === 0) await turn();
  }
  return { writes, errors, newest };
}

/** Reads until it is told to stop: what it saw, and how often. */
export async function readVersions(
  path: string,
  how: 'plain' | 'readVersioned' | 'readVersionedSync' | 'readJson' | 'updateFile',
): Promise<{ seen: Map<string, number>; examples: string[] }> {
  const seen = new Map<string, number>();
  const examples: string[] = [];
  const look = (content: Buffer | undefined): string => {
    if (content === undefined) return 'absent';
    if (inspect(content) !== undefined) return 'whole';
    if (examples.length === 0)
      examples.push(`${content.byteLength} bytes: ${JSON.stringify(content.toString('latin1', 0, 60))}`);
    return 'torn';
  };
  const once = {
    plain: () => {
      try {
        return look(fs.readFileSync(path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent';
        throw error;
      }
    },
    readVersioned: async () => look((await untorn.readVersioned(path)).content),
    readVersionedSync: () => look(untorn.readVersionedSync(path).content),
    readJson: async () => ((await untorn.readJson(path, { initial: 'absent' })) === 'absent' ? 'absent' : 'whole'),
    updateFile: async () => {
      let saw = '';
      await untorn.updateFile(path, (content) => {
        saw = look(content);
        return untorn.unchanged;
      });
      return saw;
    },
  }[how];
  stopped = false;
  for (let looks = 0; !stopped; looks++) {
    try {
      count(seen, await once());
    } catch (error) {
      const { code, message } = failureOf(error);
      count(seen, code);
      if (examples.length === 0) examples.push(message);
    }
    if (looks % 20 === 0) await turn();
  }
  return { seen, examples };
}

export interface Updates {
  readonly acknowledged: number;
  readonly unknown: number;
  readonly errors: Map<string, number>;
  /** How often a file was said not to be there that always was. */
  readonly absent: number;
  readonly torn: number;
  readonly examples: readonly string[];
}

const copies = 100;
const textOf = (count: number): string => `${`${count};`.repeat(copies)}\n`;

/** The count in a text that has it many times, so that half of one shows. */
function countOf(text: string): number | undefined {
  const found = Number.parseInt(text, 10);
  return text === textOf(found) ? found : undefined;
}

export async function update(
  path: string,
  times: number,
  way: Way,
  lock: { lease?: number; timeout?: number },
): Promise<Updates> {
  const errors = new Map<string, number>();
  let [acknowledged, unknown, absent, torn] = [0, 0, 0, 0];
  const examples: string[] = [];
  const next = (text: string | undefined): string => {
    if (text === undefined) absent++;
    const counted = countOf(text ?? textOf(0));
    if (counted === undefined) torn++;
    return textOf((counted ?? 0) + 1);
  };
  const options = { encoding: 'utf8', durability: 'off', lock } as const;
  const once = {
    updateFile: () => untorn.updateFile(path, next, options),
    updateFileSync: () => untorn.updateFileSync(path, next, options),
    ifMatch: async () => {
      for (let tries = 0; ; tries++) {
        const { content, version } = await untorn.readVersioned(path, 'utf8');
        try {
          return await untorn.writeFile(path, next(content), { durability: 'off', ifMatch: version, lock });
        } catch (error) {
          if (failureOf(error).code !== 'ERR_VERSION_CONFLICT' || tries === 1000) throw error;
        }
      }
    },
  }[way];
  for (let done = 0; done < times && !(acknowledged === 0 && done >= 5); done++) {
    try {
      await once();
      acknowledged++;
    } catch (error) {
      const { code, message, outcome, step } = failureOf(error);
      if (outcome !== 'old') unknown++;
      count(errors, code);
      if (examples.length === 0) examples.push(`${message} (step ${step}, outcome ${outcome})`);
    }
    await turn();
  }
  return { acknowledged, unknown, errors, absent, torn, examples };
}

/** Creates files that somebody else creates too; returns the numbers of those it was first at. */
export async function createFiles(
  folder: string,
  mark: string,
  times: number,
): Promise<{ won: number[]; uncertain: number[]; errors: Map<string, number>; untrue: string[] }> {
  const won: number[] = [];
  const uncertain: number[] = [];
  const untrue: string[] = [];
  const errors = new Map<string, number>();
  for (let number = 0; number < times; number++) {
    const path = join(folder, `created-${number}`);
    try {
      if (number % 2 === 0) await untorn.writeFile(path, `${mark} ${number}`, { overwrite: false, durability: 'off' });
      else untorn.writeFileSync(path, `${mark} ${number}`, { overwrite: false, durability: 'off' });
      won.push(number);
    } catch (error) {
      const { code, outcome } = failureOf(error);
      count(errors, code);
      if (outcome !== 'old') uncertain.push(number);
      const mine = fs.existsSync(path) && fs.readFileSync(path, 'utf8') === `${mark} ${number}`;
      if ((outcome === 'old' && mine) || (outcome === 'new' && !mine))
        untrue.push(`${path}: ${code} says ${outcome}, and ${mine ? 'it holds' : 'it does not hold'} the new content`);
    }
    await turn();
  }
  return { won, uncertain, errors, untrue };
}
