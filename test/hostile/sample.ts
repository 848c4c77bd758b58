/** Some of many; and twenty times as many where all of it is asked for. */
import { createHash } from 'node:crypto';
import { full } from './package.ts';

/**
 * Not more than so many: others of each kind before a second of one. They seem to be chosen at random, and are always
 * the same ones.
 */
export function sample<T>(all: readonly T[], kindOf: (one: T) => string, some: number): T[] {
  const times = new Map<string, number>();
  const shuffled = all
    .map((one, at) => ({ one, hash: hash(`${kindOf(one)} ${at}`) }))
    .toSorted((a, b) => (a.hash < b.hash ? -1 : 1));
  const ranked = shuffled.map((given) => {
    const kind = kindOf(given.one);
    const rank = times.get(kind) ?? 0;
    times.set(kind, rank + 1);
    return { ...given, rank };
  });
  return ranked
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, full ? 20 * some : some)
    .map(({ one }) => one);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
