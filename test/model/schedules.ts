/**
 * All orders in which threads can act, with at most so many preemptions: moments at which a thread that could go on
 * does not. Few are enough to find most races (Musuvathi and Qadeer, "Iterative Context Bounding", PLDI '07).
 *
 * Steps cannot be copied, so each order is run from the start; what it has in common with the one before it was checked
 * there.
 */
import { runnable, type Thread } from './driver.ts';

/** One run. */
export interface Run {
  readonly threads: readonly Thread[];
  /** Called after each action that the run before did not have. */
  acted(thread: Thread, action: string, isNew: boolean): void;
  finished(): void;
}

/** Runs every order; returns how many there are. */
export async function runAll(begin: () => Run, preemptions: number): Promise<number> {
  let prefix: number[] = [];
  for (let count = 1; ; count++) {
    const choices = await runOne(begin(), prefix, preemptions);
    while (choices.length > 0 && (choices.at(-1) as Choice).taken + 1 >= (choices.at(-1) as Choice).of) choices.pop();
    if (choices.length === 0) return count;
    prefix = choices.map(({ taken }) => taken);
    prefix[prefix.length - 1]!++;
  }
}

interface Choice {
  readonly taken: number;
  readonly of: number;
}

async function runOne(run: Run, prefix: readonly number[], preemptions: number): Promise<Choice[]> {
  const choices: Choice[] = [];
  let current: Thread | undefined;
  for (let left = preemptions; ;) {
    const able = runnable(run.threads);
    const goesOn = current !== undefined && able.includes(current);
    const options = !goesOn
      ? able
      : left === 0
        ? [current as Thread]
        : [current as Thread, ...able.filter((thread) => thread !== current)];
    const taken = prefix[choices.length] ?? 0;
    const next = options[taken];
    if (next === undefined) break;
    if (goesOn && next !== current) left--;
    current = next;
    choices.push({ taken, of: options.length });
    const action = next.act();
    // Turns and permits are handed on in microtasks, to those that wait.
    if (run.threads.some(({ state }) => state === 'waiting')) await microtasks();
    run.acted(next, action, choices.length >= prefix.length);
  }
  await microtasks();
  run.finished();
  return choices;
}

/** Lets those run that are there, and those that they lead to. */
async function microtasks(): Promise<void> {
  for (let turns = 0; turns < 4; turns++) await Promise.resolve();
}
