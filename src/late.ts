/** How the functions of a part of the package are called that is loaded when the first of them is. */
import { codeOf, refusal, WriteError } from './errors.ts';
import type { PathName } from './path.ts';
import { now } from './system/clock.ts';
import { setTimeout } from './system/globals.ts';

/** Milliseconds for which a call waits until the process has a descriptor to load with, and between its attempts. */
const [patience, pause] = [10_000, 50];

type Part = Record<string, (...args: unknown[]) => unknown>;

/** Calls a function of a part. */
export function call(name: string, load: () => Part, args: ArrayLike<unknown>): unknown {
  return functionOf(name, load, args)(...Array.from(args));
}

/** Calls a function of a part that gives a promise: at once, if the part can be loaded. */
export function callLater(name: string, load: () => Part, args: ArrayLike<unknown>): unknown {
  let found;
  try {
    found = functionOf(name, load, args);
  } catch (error) {
    return isShortage(error) ? callWhenDescriptorsAllow(name, load, args) : Promise.reject(error as Error);
  }
  return found(...Array.from(args));
}

async function callWhenDescriptorsAllow(name: string, load: () => Part, args: ArrayLike<unknown>): Promise<unknown> {
  for (const deadline = now() + patience; ;) {
    await new Promise((wake) => setTimeout(wake, pause));
    let found;
    try {
      found = functionOf(name, load, args);
    } catch (error) {
      if (!isShortage(error) || now() > deadline) throw error;
      continue;
    }
    return found(...Array.from(args));
  }
}

function functionOf(name: string, load: () => Part, { 0: given }: ArrayLike<unknown>): (...args: unknown[]) => unknown {
  let part;
  try {
    part = load();
  } catch (error) {
    const cause = refusal(codeOf(error) ?? 'ERR_UNTORN_UNEXPECTED', `untorn cannot load ${name}(): ${(error as Error).message}`);
    const path = typeof given === 'string' || Buffer.isBuffer(given) ? given : name;
    throw new WriteError({ path: path as PathName, step: 'resolve', outcome: 'old', cause: Object.assign(cause, { cause: error }) });
  }
  return part[name] as (...args: unknown[]) => unknown;
}

function isShortage(error: unknown): boolean {
  return ['EMFILE', 'ENFILE'].includes(codeOf(error) ?? '');
}

type Class = abstract new (...args: never[]) => unknown;

/** A class of a part, which is loaded when something is asked of the class: by `instanceof`, or to extend it. `shown` has its name. */
export function lateClass(shown: () => void, find: () => Class): Class {
  const late: Class = new Proxy(shown as never as Class, {
    get: (_, key) => Reflect.get(find(), key) as unknown,
    construct: (_, args, created) => Reflect.construct(find(), args, created === late ? find() : created) as object,
  });
  return late;
}
