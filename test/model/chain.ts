import { argsOf, type Chained, type Link, type Steps, type SystemCall } from '#untorn/system/port.js';

/** A chain, call by call: so that each can fail, and a crash can come after each. */
export function* linkByLink(links: readonly Link[]): Steps<Chained> {
  const chained: Chained = { results: [] };
  try {
    for (const one of links)
      chained.results.push(yield { name: one[0], args: argsOf(links, chained) } as unknown as SystemCall);
  } catch (error) {
    chained.error = error;
  }
  return chained;
}
