/**
 * A program that works in the shared directory as it is told, and tells how each time it ended; see stopped.ts for who
 * looks at its calls.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hear, idle, order, say } from '../fault/gate.ts';
import { operation, type OperationName } from './operations.ts';
import { library, type Untorn } from './package.ts';

/** What it is told to do. */
export interface Task {
  readonly operation: OperationName;
  readonly folder: string;
  /** Whether its calls are asked about. */
  readonly ask: boolean;
}

/** How it ended. */
export interface Told {
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly outcome: string | undefined; readonly message: string };
  /** The most memory that it had meanwhile, in KiB. */
  readonly memory?: number;
}

let tasks = 0;

/** What is frozen counts as killed: what it wanted to do later it does not do while the next task is under way. */
const timers = process.getBuiltinModule('node:timers');
const { setTimeout } = timers;
timers.setTimeout = Object.assign((...[callback, ...others]: Parameters<typeof setTimeout>) => {
  const task = tasks;
  return setTimeout(() => task === tasks && (callback as () => void)(), ...others);
}, setTimeout);

const untorn = (await import(library)) as Untorn;

function peak(): number {
  return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

async function perform({ operation: name, folder, ask }: Task): Promise<Told> {
  writeFileSync('/proc/self/clear_refs', '5'); // The peak from now on.
  const asked = ask ? 'ask' : 'end';
  tasks++;
  const pause = async (steps: () => unknown): Promise<void> => {
    order('end');
    await steps();
    order(asked);
  };
  order(asked);
  try {
    const result = await operation(name).run(untorn, (at) => join(folder, at), pause);
    return { result };
  } catch (error) {
    const { code, outcome, message } = error as Error & { code: string; outcome: string | undefined };
    return { error: { code, outcome, message } };
  } finally {
    // What another thread closes belongs to it.
    await idle();
    order('end');
  }
}

say(process.pid);
for (let line; (line = hear()) !== '';) {
  const told = await perform(JSON.parse(line) as Task);
  say({ ...told, memory: peak() } satisfies Told);
}
