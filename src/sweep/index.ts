/** Removes what dead processes left. */
export { promise, promisesOf } from './kept-version.ts';
export { sweep, type SweepOptions, sweepSync } from './sweep.ts';
