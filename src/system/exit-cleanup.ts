/**
 * Removes the open temporary files when the process ends, and then the locks that it holds: at process.exit, an
 * uncaught exception, or a signal that the program does not handle itself.
 */
import { closeSync, existsSync, openSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { asText, join, type PathName } from '../contract/index.ts';
import { O_DIRECTORY_ITSELF } from './flags.ts';
import { parseToken } from './owner.ts';
import type { Guard, Steps } from './port.ts';
import { whenProcessEnds } from './process-end.ts';
import { accessPath } from './paths.ts';
import { runSync, systems } from './systems.ts';

/** The order of removal: whoever takes a lock of ours must find no file of ours that can still be renamed. */
const order = { file: 0, 'lock entry': 1, directory: 2, lock: 3 } as const;

const removal: Readonly<Record<keyof typeof order, (path: PathName) => void>> = {
  file: unlinkSync,
  'lock entry': removeEntry,
  directory: rmdirSync,
  lock: rmdirSync,
};

/** Removes the entry with its owner's files, and no more: somebody may have put something else in its place. */
function removeEntry(path: PathName): void {
  const fd = process.platform === 'win32' ? undefined : openSync(path, O_DIRECTORY_ITSELF);
  try {
    const entry = fd === undefined ? path : accessPath(fd, path);
    for (const name of readdirSync(entry)) {
      if (name === 'note' || parseToken(name)?.kind === 'temporary') attempt(() => unlinkSync(join(entry, name)));
    }
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  rmdirSync(path);
}

class Guarded implements Guard {
  exists = false;
  readonly kind: keyof typeof order;
  /** The paths that it may have. */
  readonly paths: readonly PathName[];

  constructor(kind: keyof typeof order, paths: readonly PathName[]) {
    this.kind = kind;
    this.paths = paths;
  }

  opened(): void {
    this.exists = true;
  }

  release(): void {
    guarded.delete(this);
  }
}

const guarded = new Set<Guarded>();
/** Steps to perform after the files and before the locks are removed. */
const endings = new Set<() => Steps<unknown>>();
let installed = false;

/** Registers something for removal when the process ends, by all of the paths that it may have then. */
export function guard(kind: keyof typeof order, ...paths: PathName[]): Guard {
  install();
  const one = new Guarded(kind, paths);
  guarded.add(one);
  return one;
}

/** Performs steps when the process ends; returns a function that cancels them. */
export function atEnd(steps: () => Steps<unknown>): () => void {
  install();
  endings.add(steps);
  return () => void endings.delete(steps);
}

function install(): void {
  if (!installed) whenProcessEnds('remove', removeAll);
  installed = true;
}

function removeAll(): void {
  // Counted: a program may have stopped the clock, as tests do.
  let patience = 500;
  const late: Guarded[] = [];
  const remove = (one: Guarded): void => {
    const isMissing = (): boolean => !one.exists && !one.paths.some((path) => existsSync(path));
    // The pool's threads go on while the process exits: a creation under way would come after its removal.
    while (isMissing() && patience-- > 0) pause(1);
    if (isMissing()) late.push(one);
    removeOne(one);
  };
  for (const one of inOrder('file')) remove(one);
  // They may remove something from the list.
  for (const steps of endings) attempt(() => runSync(steps()));
  for (const one of inOrder('lock entry', 'directory', 'lock')) remove(one);
  if (late.length > 0) forbid(late);
  guarded.clear();
  endings.clear();
}

function removeOne({ kind, paths }: Guarded): void {
  for (const path of paths) attempt(() => removal[kind](path));
}

/**
 * Calls that the pool's threads have not begun yet, as they wait for a disk, are performed after all of this: the
 * process ends when their queue is empty. In a directory that is reached through a descriptor they can create nothing
 * once it is closed.
 */
function forbid(late: readonly Guarded[]): void {
  const reached = late
    .flatMap(({ paths }) => paths)
    .map((path) => /^\/proc\/self\/fd\/(\d+)\//.exec(asText(path))?.[1]);
  for (const fd of new Set(reached)) if (fd !== undefined) attempt(() => systems().sync.close(Number(fd)));
  pause(1);
  for (const one of late) removeOne(one);
}

function inOrder(...kinds: (keyof typeof order)[]): Guarded[] {
  return [...guarded].filter(({ kind }) => kinds.includes(kind)).toSorted((a, b) => order[a.kind] - order[b.kind]);
}

function attempt(remove: () => void): void {
  try {
    remove();
  } catch {
    // Renamed into place meanwhile, or never made; and nobody is left to receive another error. `sweep` finds what
    // stays.
  }
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
