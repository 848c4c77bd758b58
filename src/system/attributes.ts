/**
 * Extended attributes (ACLs and security labels among them), which `node:fs` does not know.
 *
 * They come from the optional dependency `@napi-rs/xattr`. It is loaded at the first replacement of an existing file,
 * from beside the package. If a program was bundled with the package, it is loaded from beside the program's file or
 * executable. If it is missing or has no build for the platform, every call fails with ENOSYS. Its calls never follow a
 * link in the last name.
 */
import { closeSync, openSync } from 'node:fs';
import { isShortage, refusal, type PathName } from '../contract/index.ts';
import type { System } from './port.ts';
import { whereabouts } from './whereabouts.ts';

type Library = typeof import('@napi-rs/xattr');
type AttributeCalls = Pick<System, 'listxattr' | 'getxattr' | 'setxattr' | 'removexattr'>;

let library: Library | Error | undefined;
let failures = 0;
/** The number of descriptors that loading it takes, at most. */
const few = 4;
/** The number that other threads may open meanwhile. */
const many = 100;

/** A call that can be made again says how many descriptors must be free for a failure to be believed at once. */
function load(spare = few): Library {
  if (library === undefined) {
    throwIfFewDescriptors(few);
    try {
      // Not in a form that bundlers follow: most refuse files that are not JavaScript.
      library = process.getBuiltinModule('node:module').createRequire(whereabouts())('@napi-rs/xattr') as Library;
    } catch (cause) {
      // Other threads open and close files meanwhile. If few descriptors are free, it counts as missing only after
      // several failures.
      if (++failures < 4) throwIfFewDescriptors(spare);
      library = Object.assign(new Error('Extended attributes are not available here', { cause }), { code: 'ENOSYS' });
    }
  }
  if (library instanceof Error) throw library;
  return library;
}

/** Loading takes descriptors, and without them fails as if the library were missing: that is not for ever. */
function throwIfFewDescriptors(count: number): void {
  const spare: number[] = [];
  try {
    for (let i = 0; i < count; i++) spare.push(openSync('/', 'r'));
  } catch (error) {
    if (isShortage(error)) throw error;
  } finally {
    for (const fd of spare) closeSync(fd);
  }
}

/** The library takes text only. */
function text(path: PathName): string {
  if (typeof path === 'string') return path;
  throw refusal('ENOSYS', 'Extended attributes cannot be read by a path that is not valid UTF-8');
}

/**
 * The library gives the error number in the text only. Its errors belong to the program's first realm, which may differ
 * from this one.
 */
function withCode(error: unknown): unknown {
  const number = /\(os error (\d+)\)/.exec(String((error as { message?: unknown } | null)?.message))?.[1];
  if (number !== undefined)
    Object.assign(error as Error, {
      code: process.getBuiltinModule('node:util').getSystemErrorName(-Number(number)),
      errno: -Number(number),
    });
  return error;
}

function translated<T>(perform: () => T): T {
  try {
    return perform();
  } catch (error) {
    throw withCode(error);
  }
}

export const syncAttributes: AttributeCalls = {
  listxattr: (path) => translated(() => load().listAttributesSync(text(path))),
  getxattr: (path, name) => translated(() => load().getAttributeSync(text(path), name)),
  setxattr: (path, name, value) => translated(() => load().setAttributeSync(text(path), name, value)),
  removexattr: (path, name) => translated(() => load().removeAttributeSync(text(path), name)),
};

async function translatedLater<T>(perform: () => Promise<T>): Promise<T> {
  try {
    return await perform();
  } catch (error) {
    throw withCode(error);
  }
}

export const asyncAttributes: {
  readonly [K in keyof AttributeCalls]: (...args: Parameters<System[K]>) => Promise<ReturnType<System[K]>>;
} = {
  listxattr: (path) => translatedLater(() => load(many).listAttributes(text(path))),
  getxattr: (path, name) => translatedLater(() => load(many).getAttribute(text(path), name)),
  setxattr: (path, name, value) => translatedLater(() => load(many).setAttribute(text(path), name, Buffer.from(value))),
  removexattr: (path, name) => translatedLater(() => load(many).removeAttribute(text(path), name)),
};
