/** The protocol with a mistake in it, made by changing what it yields: each is one that a real program has made. */
import { constants } from 'node:fs';
import { call, inTurn, type FileStatus, type Request, type Steps, type SystemCall } from '#untorn/system/port.js';
import { linkByLink } from './chain.ts';

/** What a mutant does with a request: other steps in its place, or nothing if it lets it pass. */
export type Rewrite = (request: SystemCall, state: State) => Steps<unknown> | undefined;

/** What a mutant knows of one call's files, and what it holds back. */
export interface State {
  readonly directories: Set<number>;
  readonly held: SystemCall[];
}

/** Steps of a call with its requests rewritten, also those that are done at once. */
export function mutant(rewrite: Rewrite): (steps: Steps<unknown>) => Steps<unknown> {
  return (steps) => run(steps, rewrite, { directories: new Set(), held: [] });
}

function* run(steps: Steps<unknown>, rewrite: Rewrite, state: State): Steps<unknown> {
  let next = steps.next();
  while (next.done !== true) {
    try {
      next = steps.next(yield* performed(next.value, rewrite, state));
    } catch (error) {
      next = steps.throw(error);
    }
  }
  return next.value;
}

function* performed(request: Request, rewrite: Rewrite, state: State): Steps<unknown> {
  if (request.name === 'wait') return yield request;
  if (request.name === 'uninterrupted')
    return yield { name: 'uninterrupted', steps: run(request.steps, rewrite, state) };
  if (request.name === 'chain') return yield* run(linkByLink(request.links), rewrite, state);
  if (request.name === 'concurrently') return yield* run(inTurn(request.steps), rewrite, state);
  const instead = rewrite(request, state);
  const result = instead === undefined ? yield request : yield* instead;
  if (request.name === 'open' && (request.args[1] & constants.O_DIRECTORY) !== 0)
    state.directories.add(result as number);
  return result;
}

export function* nothing(result?: unknown): Steps<unknown> {
  return result;
}

/** Holds calls back until the rename has been done. */
function afterRename(isHeld: (request: SystemCall, state: State) => boolean): Rewrite {
  return (request, state) => {
    if (isHeld(request, state)) {
      state.held.push(request);
      return nothing(request.name === 'write' ? request.args[1].byteLength : undefined);
    }
    return request.name === 'rename' ? renameFirst(request, state) : undefined;
  };
}

function* renameFirst(rename: SystemCall, state: State): Steps<unknown> {
  yield rename;
  for (const request of state.held.splice(0)) yield request;
  return undefined;
}

const ofFile = (request: SystemCall, state: State): boolean =>
  (request.name === 'fsync' || request.name === 'close') && !state.directories.has(request.args[0]);

/** Forgets about O_SYNC, and does the rest as another mutant. */
function withoutSyncedWrites(others: Rewrite): Rewrite {
  return (request, state) =>
    request.name === 'open' && (request.args[1] & constants.O_SYNC) === constants.O_SYNC
      ? call.open(request.args[0], request.args[1] & ~constants.O_SYNC, request.args[2])
      : others(request, state);
}

function fsyncOf(kind: 'file' | 'directory'): Rewrite {
  return (request, state) =>
    request.name === 'fsync' && state.directories.has(request.args[0]) === (kind === 'directory')
      ? nothing()
      : undefined;
}

function* unlinkFirst(rename: Extract<SystemCall, { name: 'rename' }>): Steps<unknown> {
  yield* call.unlink(rename.args[1]);
  return yield rename;
}

function* syncDirectoriesFirst(rename: SystemCall, { directories }: State): Steps<unknown> {
  for (const fd of directories) yield* call.fsync(fd);
  return yield rename;
}

/** Changes the order of two kinds of calls: the first is done after the last of the second. */
function swapped(first: SystemCall['name'], second: SystemCall['name']): Rewrite {
  return (request, { held }) => {
    if (request.name === first) {
      held.push(request);
      return nothing();
    }
    return request.name === second && held.length > 0 ? then(request, held.splice(0)) : undefined;
  };
}

/** Shows changes that are held back as if they had been made: the protocol looks at what they did. */
function pretending(others: Rewrite): Rewrite {
  return (request, state) =>
    request.name === 'fstat' && state.held.length > 0 ? pretend(request, state.held) : others(request, state);
}

function* pretend(request: Extract<SystemCall, { name: 'fstat' }>, held: readonly SystemCall[]): Steps<unknown> {
  const { ...status } = (yield request) as { -readonly [K in keyof FileStatus]: FileStatus[K] };
  for (const one of held) {
    if (one.name === 'fchmod' && one.args[0] === request.args[0])
      status.mode = (status.mode & constants.S_IFMT) | one.args[1];
    if (one.name !== 'fchown' || one.args[0] !== request.args[0]) continue;
    const [, uid, gid] = one.args;
    if (uid !== -1) status.uid = uid;
    if (gid !== -1) status.gid = gid;
  }
  return status;
}

function* then(request: SystemCall, later: readonly SystemCall[]): Steps<unknown> {
  const result = yield request;
  for (const held of later) yield held;
  return result;
}

const isTemporary = (path: unknown): path is string => typeof path === 'string' && path.includes('untorn-t-');

/** Every temporary file has the same name. */
function inOneName(request: SystemCall): Steps<unknown> | undefined {
  if (!('args' in request) || !request.args.some(isTemporary)) return undefined;
  const args = request.args.map((given: unknown) =>
    isTemporary(given)
      ? given.replace(/[^/]*untorn-t-[^/]*$/, '.untorn-t-00000000-0-0-0-0-1-0-0-0-00000000000000000001')
      : given,
  );
  return one({ ...request, args } as SystemCall);
}

function* one(request: SystemCall): Steps<unknown> {
  return yield request;
}

/** Removes the temporary files that are in the directory before one is made there. */
function* withoutOthers(open: Extract<SystemCall, { name: 'open' }>, { directories }: State): Steps<unknown> {
  for (const fd of directories) {
    const folder = `/proc/self/fd/${fd}`;
    for (const name of yield* call.readdir(folder)) if (isTemporary(name)) yield* call.unlink(`${folder}/${name}`);
  }
  return yield open;
}

export interface Mutant {
  readonly change: (steps: Steps<unknown>) => Steps<unknown>;
  /** The guarantees of which at least one is then seen to be broken, in one of the scenarios. */
  readonly breaks: readonly string[];
  readonly scenarios: readonly string[];
  /** How often another process has to come between. */
  readonly preemptions?: number;
}

const make = (rewrite: Rewrite, breaks: string, ...scenarios: string[]): Mutant => ({
  change: mutant(rewrite),
  breaks: breaks.split(' '),
  scenarios,
});

/** A mistake that only processes make that come between each other. */
function betweenProcesses(rewrite: Rewrite): Mutant {
  const scenarios = ['two asynchronous processes', 'an asynchronous process beside a synchronous one'];
  return { ...make(rewrite, 'G4', ...scenarios), preemptions: 1 };
}

export const mutants: Readonly<Record<string, Mutant>> = {
  'no sync of the file': make(
    withoutSyncedWrites(fsyncOf('file')),
    'G2',
    'overwriting, full, sync',
    'overwriting, normal, async',
    'creating, full, async',
  ),
  'no sync of the directory': make(
    fsyncOf('directory'),
    'G3',
    'overwriting, full, sync',
    'making parents, full, async',
  ),
  'no sync of parents that were made': make(
    (request, { directories }) =>
      request.name === 'fsync' &&
      directories.has(request.args[0]) &&
      [...directories].at(-1) === request.args[0] &&
      directories.size > 1
        ? nothing()
        : undefined,
    'G3',
    'making parents, full, sync',
  ),
  'the directory is synced before the rename': make(
    (request, state) =>
      request.name === 'rename' ? syncDirectoriesFirst(request, state) : fsyncOf('directory')(request, state),
    'G3',
    'overwriting, full, sync',
  ),
  'the file is synced after the rename': make(
    withoutSyncedWrites(afterRename(ofFile)),
    'G2',
    'overwriting, full, sync',
    'overwriting, normal, async',
  ),
  'the rename comes before the content': make(
    afterRename((request, state) => request.name === 'write' || ofFile(request, state)),
    'G1',
    'creating, full, sync',
  ),
  'the mode is set after the rename': make(
    afterRename((request, state) => request.name === 'fchmod' || (request.name === 'close' && ofFile(request, state))),
    'G1',
    'overwriting a foreign file, full, sync',
  ),
  'the mode is set after the sync': make(
    pretending(swapped('fchmod', 'fsync')),
    'G2',
    'creating with a mode, full, sync',
  ),
  'the mode is set before owner and group': make(
    pretending((request, { held }) => {
      if (request.name !== 'fchown' && request.name !== 'fchmod') return undefined;
      if (request.name === 'fchmod') return then(request, held.splice(0));
      held.push(request);
      return nothing();
    }),
    'G5',
    'overwriting a foreign file, full, sync',
  ),
  'the temporary file is open to all': make(
    (request) =>
      request.name === 'open' && request.args[2] === 0o600
        ? call.open(request.args[0], request.args[1], 0o666)
        : undefined,
    'G5',
    'overwriting, full, sync',
  ),
  'the target is renamed away for the backup': make(
    (request) => (request.name === 'link' ? call.rename(...request.args) : undefined),
    'G1',
    'with a simple backup, full, sync',
  ),
  'the target is unlinked first': make(
    (request) => (request.name === 'rename' ? unlinkFirst(request) : undefined),
    'G1',
    'overwriting, full, sync',
  ),
  'all processes give their temporary files one name': betweenProcesses(inOneName),
  "another process's temporary file is removed as one that was left": betweenProcesses((request, state) =>
    request.name === 'open' && isTemporary(request.args[0]) ? withoutOthers(request, state) : undefined,
  ),
  'no sync of what is written in place': make(
    (request) => (request.name === 'ftruncate' || request.name === 'fsync' ? nothing() : undefined),
    'G2',
    'in place of a mounted file, full, sync',
  ),
};
