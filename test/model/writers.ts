/** The calls that a scenario makes: the protocol's own generators, in environment without a system. */
import type { WriteOptions, WriteResult } from 'untorn';
import { readSyncData } from '#untorn/contract/data.js';
import { readOptions } from '#untorn/files/settings.js';
import { writeAll } from '#untorn/files/contents.js';
import { commitStaged } from '#untorn/replace/replace.js';
import { replaceFile } from '#untorn/replace/replace-file.js';
import { stage } from '#untorn/replace/stage.js';
import { Turn } from '#untorn/order/turn.js';
import { newOperation, reporting } from '#untorn/files/operation.js';
import { givenPath } from '#untorn/system/paths.js';
import { ProcessState, type Steps, type Environment } from '#untorn/system/port.js';
import { umask } from './system.ts';

/** A call to make. */
export interface Plan {
  readonly path: string;
  readonly options?: WriteOptions;
  /** Whether it is the synchronous call, which nothing else of its process interrupts. */
  readonly blocking?: boolean;
  /** A pending file: it is staged and written first, and takes its turn when it is committed. */
  readonly pending?: boolean;
  /** Which process makes it. */
  readonly process?: number;
  /** Instead of its letter. */
  readonly content?: string;
  /** The codes of the errors that it may end with. */
  readonly fails?: readonly string[];
}

/** The steps of a call; `begun` is told its number when it takes its place in the order. */
export function stepsOf(
  plan: Plan,
  index: number,
  content: string,
  begun: (number: number) => void,
  { release, state }: { readonly release: (fd: number) => void; readonly state: ProcessState },
): Steps<WriteResult> {
  const environment = surroundingsOf(index, release, state);
  const operation = newOperation(givenPath(plan.path), readOptions(plan.options), environment, plan.blocking ?? false);
  const bytes = Buffer.from(content, 'latin1');
  const takeTurn = (): Turn => {
    const turn = new Turn(operation);
    begun(turn.number);
    return turn;
  };
  return plan.pending ? pending() : replaceFile(operation, takeTurn(), readSyncData(bytes, 'utf8'));

  function* pending(): Steps<WriteResult> {
    const staged = yield* reporting(operation, stage(operation));
    yield* writeAll(operation, staged.temporary.fd, bytes);
    return yield* commitStaged(operation, staged, takeTurn());
  }
}

const stateDirectory = '/state/untorn';

/** Environment without a system, of one process. */
export function surroundingsOf(index: number, release: (fd: number) => void, state = new ProcessState()): Environment {
  let tokens = 0;
  const owner = `00000000-0-0-0-0-${index + 1}-0-0-0`;
  return {
    platform: 'linux',
    descriptorsRestricted: false,
    uid: 0,
    umask: () => umask,
    accessPath: (directory) => `/proc/self/fd/${directory}`,
    // Never random, so that every schedule meets the same names; the writer's index stands for its pid.
    token: (kind) =>
      `untorn-${{ temporary: 't', recovery: 'r', staged: 'x', journal: 'j', tree: 'd', version: 'v' }[kind]}-${owner}-${String(++tokens).padStart(20, '0')}`,
    release,
    soon: queueMicrotask,
    guard: () => ({ opened() {}, release() {} }),
    insist: () => undefined,
    atEnd: () => () => undefined,
    lockToken: (lease) => `untorn-l-${owner}-${lease.toString(36)}-${`l${index}l${++tokens}`.padStart(20, '0')}`,
    locks: new Map(),
    state,
    isUnmapped: () => false,
    isVolatile: () => false,
    namesOpenFiles: true,
    syncsFilesystems: false,
    hasJournal: () => true,
    hasProjects: () => false,
    mountOf: () => undefined,
    mountIdOf: () => 'the only one',
    warnOnce: () => undefined,
    judge: () => 'alive',
    showLife: () => () => undefined,
    stateDirectories: () => [stateDirectory],
  };
}
