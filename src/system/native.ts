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
import { accessPath } from './paths.ts';
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
    loaded = usable(holder.exports as Native);
  } catch {
    // Another kind of system, or no descriptor is left: that passes. A worker keeps its first choice, since each of the
    // two ways closes only its own descriptors when the worker ends.
    isFinal = !isMainThread() || !lacksDescriptors();
  }
}

/** ENOENT of errno(3), the same number on every Linux. */
const noEntry = 2;

/** Calls that name an open file by its entry in /proc. */
const throughProc = ['listxattr', 'getxattr', 'setxattr', 'removexattr', 'linkOpen'];

/**
 * The native part with the operations that work here; undefined if it can look at nothing. Sandboxes and old container
 * runtimes refuse calls that they do not know, of which Node has an older form. So each is tried once, where it changes
 * nothing: statx(2) with the root, renameat2(2) with names that are empty.
 */
function usable({ chain, operations, outcome }: Native): Native | undefined {
  const errnoOf = (name: string, ...paths: readonly [string, string?]): number | undefined => {
    const operation = operations[name];
    // Windows has other operations.
    if (operation === undefined) return undefined;
    chain(undefined, operation, paths[0], paths[1], undefined);
    return new Float64Array(outcome)[1];
  };
  if ((errnoOf('lstat', '/') ?? 0) !== 0) return undefined;
  const missing = accessPath(0, '') === '' ? throughProc : [];
  const renames = errnoOf('renameNew', '', '') === noEntry ? [] : ['renameNew', 'exchange'];
  const working = Object.entries(operations).filter(([name]) => ![...missing, ...renames].includes(name));
  return { chain, operations: Object.fromEntries(working), outcome };
}

function lacksDescriptors(): boolean {
  try {
    closeSync(openSync('/', 'r'));
    return false;
  } catch (error) {
    return isShortage(error);
  }
}
