/** An engine in memory, and what engines do wrong: the tests of stores have to catch each. */
import { randomUUID } from 'node:crypto';
import { storeOn, type Engine, type Store, type StoreEntry } from 'untorn/store';

/** Ways to be wrong. */
export type Fault =
  | 'ignores that a key has to be absent'
  | 'ignores versions'
  | 'looks, and then writes'
  | 'gives a version twice'
  | 'ignores the condition of a removal'
  | 'forgets a removal'
  | 'loses a content'
  | 'takes keys for the same without regard to case'
  | 'cuts a large content'
  | 'has old contents'
  | 'has a watch with old contents';

interface Kept {
  readonly content: Buffer;
  readonly version: string;
}

/** Stores that share one memory. */
export function memory(fault?: Fault): () => Promise<Store> {
  const kept = new Map<string, Kept>();
  const listeners = new Set<() => void>();
  let count = 0;
  const nameOf = (key: string): string => (fault?.startsWith('takes keys') === true ? key.toLowerCase() : key);
  const entry = (key: string): StoreEntry => kept.get(nameOf(key)) ?? { content: undefined, version: 'absent' };
  const isMet = (ifMatch: string | undefined, version: string): boolean =>
    ifMatch === undefined ||
    ifMatch === version ||
    (fault === 'ignores versions' && ifMatch !== 'absent') ||
    (fault === 'ignores that a key has to be absent' && ifMatch === 'absent');
  const changed = (): void => {
    for (const listener of listeners) listener();
  };

  const engine = (): Engine => {
    const cache = new Map<string, StoreEntry>();
    return {
      address: 'memory:',
      durable: 'memory',
      maxBytes: 4_000_000,
      async read(key) {
        if (fault !== 'has old contents') return entry(key);
        if (!cache.has(key)) cache.set(key, entry(key));
        return cache.get(key)!;
      },
      async write(key, content, ifMatch) {
        const { version } = entry(key);
        if (!isMet(ifMatch, version)) return { conflict: version };
        if (fault === 'looks, and then writes') await new Promise((done) => setImmediate(done));
        count++;
        const next = fault === 'gives a version twice' ? String(1 + (count % 2)) : randomUUID();
        const bytes = Buffer.from(content).subarray(0, fault === 'cuts a large content' ? 100_000 : undefined);
        if (fault !== 'loses a content' || count % 7 !== 0) kept.set(nameOf(key), { content: bytes, version: next });
        changed();
        return { version: next };
      },
      async remove(key, ifMatch) {
        const { version } = entry(key);
        if (!isMet(ifMatch, version) && fault !== 'ignores the condition of a removal') return { conflict: version };
        const removed = fault === 'forgets a removal' ? kept.has(key) : kept.delete(nameOf(key));
        changed();
        return { removed };
      },
      async *changes(key, after, signal) {
        let seen = after.version;
        while (!signal.aborted) {
          const found = entry(key);
          if (found.version === seen) {
            await new Promise<void>((wake) => {
              listeners.add(wake);
              signal.addEventListener('abort', () => wake(), { once: true });
            });
          } else {
            seen = found.version;
            yield fault === 'has a watch with old contents' ? { ...found, content: Buffer.from('old') } : found;
          }
        }
      },
    };
  };
  return async () => storeOn(engine());
}
