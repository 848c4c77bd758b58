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

type Argument = PathName | Uint8Array | number | bigint | undefined;

/** The number of the operation, and its arguments. */
export type NativeLink = readonly [operation: number | undefined, ...args: Argument[]];

/** The errno of the link that failed, or 0; then the results of the links before it. Undefined without memory for it. */
export type NativeOutcome = readonly [errno: number, ...results: unknown[]];

/** See `native/untorn.c`. */
export interface Native {
  chain(links: readonly NativeLink[]): NativeOutcome | undefined;
  chain(links: readonly NativeLink[], done: (outcome: NativeOutcome | undefined) => void): void;
  readonly operations: Readonly<Record<string, number>>;
  /** The statuses of the latest outcome. */
  readonly statuses: ArrayBuffer;
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
