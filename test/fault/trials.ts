/** Which faults are tried: every call of a write, as a first unspoiled run shows them, with every error. */
import { fileURLToPath } from 'node:url';
import { contents } from './contents.ts';
import { orderOf, ours, runScript, type Call, type Fault, type Subject, type Trial } from './spoiled.ts';
import type { Stage, Scenario } from './stage.ts';
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

/** What one run came to. `spoiled` is whether the call that was meant was met. */
export interface Run {
  readonly told: Told | undefined;
  readonly calls: readonly Call[];
  readonly spoiled: boolean;
}

/** A write by a library program. */
export async function runLibrary(subject: Subject, way: Way, { options }: Scenario, stage: Stage, trial?: Trial): Promise<Run> {
  const told = await subject.write({ way, path: stage.path, content: 'new', options, order: orderOf(trial) });
  return { told, ...subject.seen() };
}

const command = fileURLToPath(new URL('../../../dist/cli/main.cjs', import.meta.url));
const outcomes: Readonly<Record<number, string>> = { 1: 'old', 4: 'new', 5: 'unknown', 121: 'old', 124: 'new', 125: 'unknown' };

interface Reported {
  readonly notKept?: readonly string[];
  readonly error?: { readonly code: string; readonly outcome: string; readonly message: string };
}

/** The command, from its start to its end. */
export async function runCommand(name: 'write' | 'run', { flags }: Scenario, stage: Stage, trial?: Trial): Promise<Run> {
  const making = name === 'run' ? ['--', 'cat', stage.source] : [];
  const { status, stdout, stderr, ...seen } = await runScript([stage.folder, ...ours], [command, name, '--json', ...flags, stage.path, ...making], contents.new, trial);
  if (status === null) return { told: undefined, ...seen };
  // Where even that cannot be printed the status and the message tell.
  const { notKept = [], error } = (stdout === '' ? {} : JSON.parse(stdout)) as Reported;
  if (status === 0) return { told: { notKept }, ...seen };
  const known = stderr.startsWith('untorn: ') && (error === undefined || error.outcome === outcomes[status]);
  return { told: { error: { known, code: error?.code ?? '', outcome: outcomes[status] ?? `status ${status}`, message: stderr } }, ...seen };
}
