/**
 * Loads the native part of the package (`native/`), which makes calls that Node does not have, and several calls in one
 * trip to another thread. It is a file beside this code, with the platform's name. Without it Node makes the calls.
 *
 * It is not loaded under Node's --permission and in Deno, since it would go around their permissions, nor if the
 * variable UNTORN_NATIVE is `off`.
 */
import { closeSync, existsSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isShortage, type PathName } from '../contract/index.ts';
import { byPathOnly } from './globals.ts';
import { isMainThread } from './processes.ts';
import { whereabouts } from './whereabouts.ts';

/** What a call is given; undefined where it takes fewer arguments than others. */
type Argument = PathName | Uint8Array | number | bigint | undefined;

/** Each link is four of them: the number of its operation, and three arguments. */
export type NativeLinks = Argument[];

/** The bytes that links returned, without those that are empty; undefined if there are none. */
export type NativeBytes = readonly Buffer[] | undefined;

/** See `native/untorn.c`. */
export interface Native {
  chain(done: undefined, ...links: NativeLinks): NativeBytes;
  chain(done: (bytes: NativeBytes) => void, ...links: NativeLinks): undefined;
  readonly operations: Readonly<Record<string, number>>;
  /** The latest outcome. */
  readonly outcome: ArrayBuffer;
}

let loaded: Native | undefined;
let isFinal = false;

/** The native part; undefined if there is none. */
export function native(): Native | undefined {
  if (!isFinal) load();
  return loaded;
}

function load(): void {
  isFinal = true;
  if (byPathOnly || process.env['UNTORN_NATIVE'] === 'off') return;
  const path = join(dirname(whereabouts()), `${process.platform}-${process.arch}.node`);
  if (!existsSync(path)) return;
  const holder: { exports: unknown } = { exports: {} };
  try {
    // A test runner replaces the global `process`.
    process.getBuiltinModule('node:process').dlopen(holder, path);
    loaded = holder.exports as Native;
  } catch {
    // Another kind of system, or no descriptor is left: that passes. A worker keeps its first choice, since each of the
    // two ways closes only its own descriptors when the worker ends.
    isFinal = !isMainThread() || !lacksDescriptors();
  }
}

function lacksDescriptors(): boolean {
  try {
    closeSync(openSync('/', 'r'));
    return false;
  } catch (error) {
    return isShortage(error);
  }
}
