/**
 * Loaded before the package: says when all exit handlers have run, before the pool's threads are waited for, one of
 * which the spoiler may have stopped.
 */
import { order } from './gate.ts';

const { reallyExit } = process as unknown as { reallyExit: (code?: number) => never };
Object.assign(process, {
  reallyExit(code?: number) {
    order('go');
    return reallyExit.call(process, code);
  },
});
/** With what the program ends that is told to exit. */
export const exitStatus = 7;
