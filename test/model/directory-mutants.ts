/** The replacement of a directory with a mistake in it. */
import { call, type Steps, type SystemCall } from '#untorn/system/port.js';
import type { DirectoryScenario } from './directories.ts';
import { mutant, nothing, type State } from './mutants.ts';
import type { Mutation } from './transactions.ts';

/** How far it is: the new directory is being filled, has the name of a version, or is in place. */
type Phase = 'filled' | 'named' | 'placed';

const argumentsOf = ({ args }: SystemCall): string => args.map(String).join(' ');
const isNaming = (request: SystemCall): boolean =>
  request.name === 'rename' && /untorn-v-[^ ]*$/.test(argumentsOf(request));
const isSwitch = (request: SystemCall): boolean =>
  request.name === 'exchange' ||
  ((request.name === 'symlink' || request.name === 'rename') && argumentsOf(request).endsWith('/site'));

function phased(rewrite: (request: SystemCall, phase: Phase, state: State) => Steps<unknown> | undefined): Mutation {
  return (steps) => {
    let phase: Phase = 'filled';
    return mutant((request, state) => {
      const instead = rewrite(request, phase, state);
      if (isNaming(request)) phase = 'named';
      if (isSwitch(request)) phase = 'placed';
      return instead;
    })(steps);
  };
}

const ofDirectory = (request: SystemCall, { directories }: State): boolean =>
  request.name === 'fsync' && directories.has(request.args[0]);

/** Holds calls back until another has been made. */
function heldBack(
  isHeld: (request: SystemCall, phase: Phase, state: State) => boolean,
  until: (request: SystemCall) => boolean,
): Mutation {
  return phased((request, phase, state) => {
    if (isHeld(request, phase, state)) {
      state.held.push(request);
      return nothing(request.name === 'write' ? request.args[1].byteLength : undefined);
    }
    return until(request) ? then(request, state.held.splice(0)) : undefined;
  });
}

function* then(request: SystemCall, later: readonly SystemCall[]): Steps<unknown> {
  const result = yield request;
  for (const one of later) yield one;
  return result;
}

function withoutSync(of: Phase, which: (request: SystemCall, state: State) => boolean = () => true): Mutation {
  return phased((request, phase, state) =>
    request.name === 'fsync' && phase === of && which(request, state) ? nothing() : undefined,
  );
}

interface Mutant {
  readonly change: Mutation;
  readonly scenario: DirectoryScenario;
  readonly breaks: string;
}

const link: DirectoryScenario = { before: 'a link', source: 'a function' };
const exchange: DirectoryScenario = { before: 'a directory', source: 'a function' };

export const directoryMutants: Readonly<Record<string, Mutant>> = {
  'nothing in the new one is synced': { change: withoutSync('filled'), scenario: link, breaks: 'G2' },
  'nothing in one that is ready is synced': {
    change: withoutSync('filled'),
    scenario: { before: 'a directory', source: 'ready, unsynced' },
    breaks: 'G2',
  },
  'only its files are synced': { change: withoutSync('filled', ofDirectory), scenario: exchange, breaks: 'G2' },
  'only its directories are synced': {
    change: withoutSync('filled', (request, state) => !ofDirectory(request, state)),
    scenario: link,
    breaks: 'G2',
  },
  'a link leads to a name that is not synced': {
    change: withoutSync('named'),
    scenario: { before: 'nothing', source: 'a function' },
    breaks: 'G2',
  },
  'a link leads to a name that is not synced, over another': {
    change: withoutSync('named'),
    scenario: { ...link, keepOld: true },
    breaks: 'G2',
  },
  'the switch is not synced': { change: withoutSync('placed'), scenario: { ...link, keepOld: true }, breaks: 'G3' },
  'the switch of two directories is not synced': {
    change: withoutSync('placed'),
    scenario: { ...exchange, keepOld: true },
    breaks: 'G3',
  },
  'the old one is removed before the switch is durable': {
    change: heldBack(
      (request, phase) => phase === 'placed' && request.name === 'fsync',
      (request) => request.name === 'rmdir' && /untorn-d-[^/]*$/.test(argumentsOf(request)),
    ),
    scenario: link,
    breaks: 'G2',
  },
  'the old one, exchanged, is removed before the switch is durable': {
    change: heldBack(
      (request, phase) => phase === 'placed' && request.name === 'fsync',
      (request) => request.name === 'rmdir' && /untorn-d-[^/]*$/.test(argumentsOf(request)),
    ),
    scenario: exchange,
    breaks: 'G2',
  },
  'the old one is removed under the name of a version': {
    change: (steps) => {
      let syncs = 0;
      return phased((request, phase) =>
        phase === 'placed' && request.name === 'fsync' && ++syncs === 2 ? nothing() : undefined,
      )(steps);
    },
    scenario: link,
    breaks: 'G10',
  },
  'what it was filled in may still have it when the link leads to it': {
    change: (steps) => {
      let syncs = 0;
      return phased((request, phase) =>
        phase === 'named' && request.name === 'fsync' && ++syncs === 1 ? nothing() : undefined,
      )(steps);
    },
    scenario: link,
    breaks: 'G10',
  },
  'the switch comes before the content': {
    change: heldBack(
      (request, phase, { directories }) =>
        phase === 'filled' &&
        (request.name === 'write' ||
          ((request.name === 'close' || request.name === 'fsync') && !directories.has(request.args[0]))),
      isSwitch,
    ),
    scenario: exchange,
    breaks: 'G2',
  },
  'the old link is removed first': {
    change: phased((request) => (isSwitch(request) && request.name === 'rename' ? unlinkFirst(request) : undefined)),
    scenario: link,
    breaks: 'G2',
  },
  'the old directory is renamed away first': {
    change: phased((request) =>
      request.name === 'exchange' ? inTwoRenames(String(request.args[0]), String(request.args[1])) : undefined,
    ),
    scenario: exchange,
    breaks: 'G2',
  },
  'the new one is open to others while it is filled': {
    change: phased((request) =>
      request.name === 'mkdir' && argumentsOf(request).includes('untorn-d-') && request.args[1] === 0o700
        ? call.mkdir(request.args[0], 0o755)
        : undefined,
    ),
    scenario: exchange,
    breaks: 'G5',
  },
};

function* unlinkFirst(rename: Extract<SystemCall, { name: 'rename' }>): Steps<unknown> {
  yield* call.unlink(rename.args[1]);
  return yield rename;
}

function* inTwoRenames(fresh: string, old: string): Steps<void> {
  yield* call.rename(old, `${fresh}.old`);
  yield* call.rename(fresh, old);
  yield* call.rename(`${fresh}.old`, fresh);
}
