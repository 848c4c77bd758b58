/** Calls functions of a part of the package, which is loaded at the first call. */
import { withCaller, codeOf, isShortage, noCallback, refusal, WriteError, type PathName } from './contract/index.ts';
import { now, setTimeout } from './system/index.ts';

/**
 * How long a call waits until the process has a descriptor to load with, and the time between its attempts, in
 * milliseconds.
 */
const [patience, pause] = [10_000, 50];

type Part = Record<string, (...args: unknown[]) => unknown>;

/** Calls a function of a part. */
export function call(name: string, load: () => Part, args: ArrayLike<unknown>): unknown {
  try {
    return Reflect.apply(functionOf(name, load, args), undefined, args);
  } catch (error) {
    throw withCaller(error, call);
  }
}

/** Calls a function of a part that returns a promise: at once, if the part can be loaded. */
export async function callLater(name: string, load: () => Part, args: ArrayLike<unknown>): Promise<unknown> {
  try {
    const found = functionOrShortage(name, load, args) ?? (await functionWhenDescriptorsAllow(name, load, args));
    return await Reflect.apply(found, undefined, args);
  } catch (error) {
    throw withCaller(error, callLater);
  }
}

/** Undefined if the process has no descriptor to load with. */
function functionOrShortage(...given: Parameters<typeof functionOf>): ReturnType<typeof functionOf> | undefined {
  try {
    return functionOf(...given);
  } catch (error) {
    if (isShortage(error)) return undefined;
    throw error;
  }
}

async function functionWhenDescriptorsAllow(
  ...given: Parameters<typeof functionOf>
): Promise<ReturnType<typeof functionOf>> {
  const deadline = now() + patience;
  while (now() < deadline) {
    await new Promise((wake) => setTimeout(wake, pause));
    const found = functionOrShortage(...given);
    if (found !== undefined) return found;
  }
  return functionOf(...given);
}

function functionOf(name: string, load: () => Part, args: ArrayLike<unknown>): (...args: unknown[]) => unknown {
  let part;
  try {
    part = load();
  } catch (error) {
    const cause = refusal(
      codeOf(error) ?? 'ERR_UNTORN_UNEXPECTED',
      `untorn cannot load ${name}(): ${(error as Error).message}`,
    );
    const given = args[0];
    const path = typeof given === 'string' || Buffer.isBuffer(given) ? given : name;
    throw new WriteError({
      path: path as PathName,
      step: 'resolve',
      outcome: 'old',
      cause: Object.assign(cause, { cause: error }),
    });
  }
  const found = part[name] as (...args: unknown[]) => unknown;
  // As in node:fs with callbacks: nobody would notice that the callback is never called.
  for (let position = found.length; position < args.length; position++)
    if (typeof args[position] === 'function')
      throw noCallback(`Argument ${found.length} of ${name}() must be the last`);
  return found;
}

type Class = abstract new (...args: never[]) => unknown;

/**
 * A class of a part, which is loaded at the first use of the class: by `instanceof`, or to extend it. `shown` has its
 * name.
 */
export function lateClass(shown: () => void, find: () => Class): Class {
  const late: Class = new Proxy(shown as never as Class, {
    get: (_, key) => Reflect.get(find(), key) as unknown,
    construct: (_, args, created) => Reflect.construct(find(), args, created === late ? find() : created) as object,
  });
  return late;
}
