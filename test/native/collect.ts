/** Garbage collection on request, in Node and in Bun. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const { Bun } = globalThis as { Bun?: { gc(isSynchronous: boolean): void } };

function collectorOfNode(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

export const isBun: boolean = Bun !== undefined;

export const collect: () => void = Bun === undefined ? collectorOfNode() : () => Bun.gc(true);
