/** Kinds of rounds: `path` is any file, `own` the thread's own. */
import type { Writes } from './writes.ts';

type Round = (writes: Writes, path: string, own: string) => Promise<void>;

const one: Round = (writes, path) => writes.async(path);

const blocking: Round = async (writes, path) => writes.sync(path);

/** Calls that are not awaited: the last one wins. */
const burst: Round = async (writes, path, own) => {
  await Promise.all(Array.from({ length: 8 }, (_, index) => writes.async(index % 2 === 0 ? own : path)));
};

/** Synchronous calls while others are under way, which end later and are older. */
const mixed: Round = async (writes, path, own) => {
  const first = [writes.async(own), writes.async(path)];
  writes.sync(own);
  await new Promise(setImmediate);
  const second = writes.async(own);
  await new Promise(setImmediate);
  writes.sync(own);
  await Promise.all([...first, second]);
};

const streamed: Round = (writes, path) => writes.stream(path);

const inPieces: Round = (writes, path) => writes.pieces(path);

export const rounds: readonly Round[] = [one, blocking, burst, mixed, streamed, inPieces, burst];
