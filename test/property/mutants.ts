/**
 * The package with a mistake in it, made by changing one of its methods or of its calls of the system, until it is
 * undone.
 */
import { Turn } from '#untorn/order/turn.js';
import { systems } from '#untorn/system/systems.js';
import type { PathName } from '#untorn/contract/path-name.js';
import { pass } from './perform.ts';

type SyncSystem = ReturnType<typeof systems>['sync'];
type AsyncSystem = ReturnType<typeof systems>['async'];
type Undo = () => void;
type Done = (error: unknown) => void;

function change<T extends object, K extends keyof T>(of: T, name: K, changed: (original: T[K]) => T[K]): Undo {
  const original = of[name];
  of[name] = changed(original);
  return () => void (of[name] = original);
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The very calls that the package uses, each made by itself: what is changed in one of them shows in chains too. */
const { sync, async } = systems() as { sync: Writable<SyncSystem>; async: Writable<AsyncSystem> };
delete sync.chain;
delete async.chain;

const both =
  (one: Undo, other: Undo): Undo =>
  () => (one(), other());

/** Renames that another thread takes its time for: what races with them meets them nearly always. */
export function slowRenames(): Undo {
  return change(async, 'rename', (rename) => (from, to, done) => {
    void pass(3).then(() => rename(from, to, done));
  });
}

/** Each makes its mistake, and returns how it is undone. */
export const mutants: Readonly<Record<string, () => Undo>> = {
  'an older write is renamed over a newer one': () => change(Turn.prototype, 'newer', () => () => undefined),
  'a synchronous write does not mind the rename that another thread is at': () =>
    change(
      Turn.prototype,
      'finishOther',
      () =>
        function* () {
          return undefined;
        },
    ),
  'names of one file stand in different lines': () =>
    change(
      Turn.prototype,
      'claim',
      () =>
        function* () {
          return true;
        },
    ),
  'temporary files are not removed': () =>
    both(
      change(sync, 'unlink', () => () => undefined),
      change(async, 'unlink', () => (_: PathName, done: Done): void => {
        setImmediate(done, null);
      }),
    ),
  'the last byte of a longer content is forgotten': () =>
    both(
      change(
        sync,
        'write',
        (write) => (fd, bytes) =>
          write(fd, bytes.subarray(0, bytes.byteLength > 100 ? -1 : undefined)) + (bytes.byteLength > 100 ? 1 : 0),
      ),
      change(
        async,
        'write',
        (write) => (fd, bytes, done) =>
          write(fd, bytes.subarray(0, bytes.byteLength > 100 ? -1 : undefined), (error: unknown, count = 0) =>
            done(error, count + (bytes.byteLength > 100 ? 1 : 0)),
          ),
      ),
    ),
};
