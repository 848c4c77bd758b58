/** Which faults are tried: every call, as a first unspoiled run shows them, with every error. */
import { fileURLToPath } from 'node:url';
import { contents } from './contents.ts';
import { orderOf, ours, runScript, type Call, type Fault, type Subject, type Trial } from './spoiled.ts';
import type { Stage } from './stage.ts';
import type { Told } from './subject.ts';
import type { Way } from './ways.ts';

export const kill: Fault = 'kill';

const errors = ['EIO', 'ENOSPC', 'EDQUOT', 'EINTR', 'EACCES', 'EPERM', 'EMFILE'].map((code): Fault => `error=${code}`);
/** Nothing of it, its first byte, all but its last; its first byte, and then the disk is full. */
const shortCounts: readonly Fault[] = ['keep=0', 'keep=1', 'keep=-1', 'fill=ENOSPC'];

/** What a call may meet. */
export function faultsOf({ text }: Call): readonly Fault[] {
  // Node ends itself where the close of a file fails that it has read, and these cannot fail.
  if (/^close \/(proc|etc)\//.test(text)) return [];
  return /^(p?writev?|pwrite64) /.test(text) ? [...errors, ...shortCounts] : errors;
}

/**
 * What calls on names report on a network filesystem of what was done, if the answer was lost: the failure of the
 * second attempt, or no answer.
 */
const secondAttempts: readonly (readonly [RegExp, string])[] = [
  [/^(rename|renameat2?|unlink|unlinkat|rmdir) /, 'ENOENT'],
  [/^(link|linkat|symlink|symlinkat|mkdir|mkdirat) /, 'EEXIST'],
];

export function lateFaultsOf({ text }: Call): readonly Fault[] {
  const code = secondAttempts.find(([calls]) => calls.test(text))?.[1];
  return code === undefined ? [] : [`late=${code}`, 'late=EIO'];
}

/** What one run came to. `spoiled` is whether the call that was meant was met. */
export interface Run {
  readonly told: Told | undefined;
  readonly calls: readonly Call[];
  readonly spoiled: boolean;
}

/** By a program that uses the library. */
export async function runLibrary(subject: Subject, way: Way, { doing }: Stage, trial?: Trial): Promise<Run> {
  const told = await subject.perform({ ...doing, way, order: orderOf(trial) });
  return { told, ...subject.seen() };
}

const command = fileURLToPath(new URL('../../../dist/cli/main.cjs', import.meta.url));
/** What is in place, by the status; see src/cli/exit-codes.ts. */
const outcomes: Readonly<Record<number, string>> = {
  1: 'old',
  3: 'old',
  4: 'new',
  5: 'unknown',
  6: 'old',
  120: 'old',
  121: 'old',
  123: 'old',
  124: 'new',
  125: 'unknown',
};

interface Reported {
  readonly notKept?: readonly string[];
  readonly files?: readonly { readonly notKept: readonly string[] }[];
  readonly error?: {
    readonly code: string;
    readonly outcome: string;
    readonly message: string;
    readonly files?: readonly unknown[];
  };
}

/** The command, from its start to its end, with \`--json\` among its arguments; what it reads is new content. */
export async function runCommand(folder: string, args: readonly string[], trial?: Trial): Promise<Run> {
  const { status, stdout, stderr, ...seen } = await runScript(
    [folder, ...ours],
    [command, ...args],
    contents.new,
    trial,
  );
  if (status === null) return { told: undefined, ...seen };
  // Where even that cannot be printed the status and the message tell.
  const {
    files = [],
    notKept = files.flatMap((file) => file.notKept),
    error,
  } = (stdout === '' ? {} : JSON.parse(stdout)) as Reported;
  if (status === 0) return { told: { notKept }, ...seen };
  // A transaction that is committed and not completed: its files differ, and whoever comes next makes all of them new.
  const isCommitted = status === 4 && error?.outcome === 'unknown' && error.files !== undefined;
  const known =
    stderr.startsWith('untorn: ') && (error === undefined || isCommitted || error.outcome === outcomes[status]);
  return {
    told: {
      error: { known, code: error?.code ?? '', outcome: outcomes[status] ?? `status ${status}`, message: stderr },
    },
    ...seen,
  };
}
