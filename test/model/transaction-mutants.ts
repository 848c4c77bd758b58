/** Transactions and recoveries with a mistake in them. */
import { call, type Steps, type SystemCall } from '#untorn/system/port.js';
import type { FileStatus } from '#untorn/system/port.js';
import { mutant, nothing, type Rewrite } from './mutants.ts';
import type { Mutation } from './transactions.ts';

const names = (request: SystemCall): string => (Array.isArray(request.args) ? request.args.map(String).join(' ') : '');
const isCommit = (request: SystemCall): boolean => request.name === 'rename' && names(request).endsWith('.committed');

/** A rewrite that knows whether the commit has been. */
function phased(
  rewrite: (
    request: SystemCall,
    state: Parameters<Rewrite>[1],
    phase: { committed: boolean; syncs: number },
  ) => ReturnType<Rewrite>,
): Mutation {
  return (steps) => {
    const phase = { committed: false, syncs: 0 };
    return mutant((request, state) => {
      const instead = rewrite(request, state, phase);
      if (isCommit(request)) phase.committed = true;
      if (phase.committed && request.name === 'fsync' && state.directories.has(request.args[0])) phase.syncs++;
      if (request.name === 'rename' && names(request).endsWith('.done')) phase.committed = false;
      return instead;
    })(steps);
  };
}

const ofDirectory = (request: SystemCall, { directories }: Parameters<Rewrite>[1]): boolean =>
  request.name === 'fsync' && directories.has(request.args[0]);

/** What a power cut shows. */
export const crashMutants: Readonly<Record<string, Mutation>> = {
  'one content is not synced': (steps) => {
    let synced = 0;
    // The first file that is synced is the first that is staged.
    return mutant((request, state) =>
      request.name === 'fsync' && !ofDirectory(request, state) && synced++ === 0 ? nothing() : undefined,
    )(steps);
  },
  'no directory is synced before the commit': phased((request, state, { committed }) =>
    !committed && ofDirectory(request, state) ? nothing() : undefined,
  ),
  'the commit is not synced before the changes': phased((request, state, { committed, syncs }) =>
    committed && syncs === 0 && ofDirectory(request, state) ? nothing() : undefined,
  ),
  'the journal goes before the changes are synced': phased((request, state, { committed, syncs }) =>
    committed && syncs > 0 && ofDirectory(request, state) ? nothing() : undefined,
  ),
};

/** What another process shows that comes between. */
export const suspendedMutants: Readonly<Record<string, Mutation>> = {
  'who takes over leaves the token until the end': mutant((request, { held }) => {
    if (request.name === 'unlink' && names(request).endsWith('.pending')) {
      held.push(request);
      return nothing();
    }
    return undefined;
  }),
};

/** What a foreign file shows. */
export const foreignMutants: Readonly<Record<string, Mutation>> = {
  'what is removed is not looked at': mutant((request) => {
    if (request.name !== 'lstat' || !/\/(f|h)$/.test(names(request))) return undefined;
    return (function* () {
      const status: FileStatus = yield* call.lstat(request.args[0]);
      // As if it were what was recorded: the inodes of the model count up.
      return { ...status, ino: names(request).endsWith('f') ? 3n : 6n };
    })();
  }),
};

/** What a directory shows that is not there for a while. */
export const absenceMutants: Readonly<Record<string, Mutation>> = {
  'a pointer is not looked for': mutant((request) => {
    if (request.name === 'readdir')
      return (function* () {
        return (yield* call.readdir(request.args[0])).filter((name) => !String(name).endsWith('.pointer'));
      })();
    const looks = request.name === 'open' || request.name === 'lstat';
    return looks && names(request).includes('.pointer') ? absent() : undefined;
  }),
};

function* absent(): Steps<never> {
  throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
}

/** What a power cut shows during a recovery. */
export const cutMutants: Readonly<Record<string, Mutation>> = {
  'who completes does not sync the commit first': (steps) => {
    let syncs = 0;
    return mutant((request, state) => (ofDirectory(request, state) && syncs++ === 0 ? nothing() : undefined))(steps);
  },
};

/** What a copy shows. */
export const copyMutants: Readonly<Record<string, Mutation>> = {
  'a directory is not known by its inode': mutant((request) => {
    // As on overlayfs, which makes numbers up, and as if the copy were where the original is.
    if (request.name === 'statfs') return nothing(0x794c7630);
    if (request.name !== 'stat' || !/^\/[de]$/.test(names(request))) return undefined;
    return (function* () {
      try {
        return yield* call.stat(`${names(request)}.copy`);
      } catch {
        return yield* call.stat(request.args[0]);
      }
    })();
  }),
};
