import type { TestContext } from 'node:test';

/** From which number random programs are made: UNTORN_PROPERTY_SEED repeats a run. */
const seed = Number(process.env['UNTORN_PROPERTY_SEED'] ?? Date.now() % 0x7fffffff);

/** For how many seconds random programs are tried, unless UNTORN_PROPERTY_SECONDS says otherwise. */
export function secondsToTry(usual: number): number {
  return Number(process.env['UNTORN_PROPERTY_SECONDS'] ?? usual);
}

/** How fast-check tries them: until the time is over. The last one may then still be under way. */
export function untilTimeIsOver(t: TestContext, seconds: number): typeof limits & { interruptAfterTimeLimit: number } {
  t.diagnostic(`UNTORN_PROPERTY_SEED=${seed}`);
  return { ...limits, interruptAfterTimeLimit: seconds * 1000 };
}

const limits = { seed, numRuns: 1_000_000, markInterruptAsFailure: false, includeErrorInReport: true };
