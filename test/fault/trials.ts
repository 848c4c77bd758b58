/** Which faults are tried: every call of a write, as a first uninjected run shows them, with every error that fits it. */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contents } from './contents.ts';
import { Subject, type Call, type Fault } from './traced.ts';
import type { Stage, Scenario } from './stage.ts';
import type { Task, Told } from './subject.ts';
import type { Way } from './ways.ts';

export const kill: Fault = 'signal=KILL:error=EIO';

const changing = /^(write|writev|pwrite\w*|fsync|fdatasync|close|rename\w*|link\w*|unlink\w*|mkdir\w*|f?chown\w*|f?chmod\w*|\w*setxattr|ftruncate|sendfile|copy_file_range)$/;

/** The errors that a call may meet. */
export function errorsOf({ name, text }: Call): string[] {
  // Node ends itself where the close of a file fails that it has read, and these cannot fail.
  if (name === 'close' && /<\/(proc|etc)\//.test(text)) return [];
  const always = ['EIO', 'EACCES', 'EPERM', 'EINTR'];
  const space = changing.test(name) || text.includes('O_CREAT') ? ['ENOSPC', 'EDQUOT'] : [];
  return [...always, ...space, ...(name.startsWith('open') ? ['EMFILE'] : [])];
}

export interface Trial {
  readonly call: Call;
  readonly fault: Fault;
}

/** What one run came to. `spoiled` is whether the call that was meant was the one that was hit. */
export interface Run {
  readonly told: Told | undefined;
  readonly calls: Call[];
  readonly spoiled: boolean;
  readonly killed: boolean;
}

/** What a call works on, without what differs from run to run. */
function shape(text: string): string {
  const paths = [...text.matchAll(/"([^"]*)"|<([^>]*)>/g)].map(([, name, target]) => name ?? target ?? '');
  return `${/\w+/.exec(text)?.[0]} ${paths.map((path) => path.replace(/\d+|-[0-9a-z]{20}/g, '')).filter((path) => path.startsWith('/')).map((path) => path.split('untorn-')[0]).slice(0, 1).join(' ')}`;
}

function wasSpoiled(log: string, { call }: Trial): boolean {
  return log.split('\n').some((line) => line.includes('INJECTED') && shape(line.replace(/^\d+\s+/, '')) === shape(call.text));
}

/** One write by a program that is at its gate. */
async function runTraced(subject: Subject, write: () => Promise<Told | undefined>, trial?: Trial): Promise<Run> {
  const log = join(tmpdir(), `untorn-strace-${process.pid}-${subject.process.pid}`);
  const tracer = await subject.trace(log, trial && { call: trial.call, fault: trial.fault });
  const told = await write();
  if (told === undefined) await subject.ended;
  const text = await tracer.detach();
  rmSync(log);
  const killed = text.includes('killed by SIGKILL');
  // A call that never returned is written down without its end.
  return { told, killed, calls: trial ? [] : tracer.calls(text), spoiled: trial !== undefined && (wasSpoiled(text, trial) || (killed && trial.fault === kill)) };
}

/** A write by a library program. */
export function runLibrary(subject: Subject, way: Way, { options }: Scenario, stage: Stage, trial?: Trial): Promise<Run> {
  const task: Task = { way, path: stage.path, content: 'new', options };
  return runTraced(subject, () => subject.write(task), trial);
}

const outcomes: Record<number, string> = { 1: 'old', 4: 'new', 5: 'unknown' };

/** The command, from its gate to its end. */
export async function runCommand({ flags }: Scenario, stage: Stage, trial?: Trial): Promise<Run> {
  const subject = await Subject.command(['write', ...flags, stage.path], contents.new);
  return runTraced(subject, async () => {
    subject.tell(null);
    const { status, signal } = await subject.ended;
    if (signal !== null || status === null) return undefined;
    const { stderr } = subject;
    if (status === 0) return { notKept: ['mode', 'owner', 'group'].filter((what) => /Warning/.test(stderr) && stderr.includes(what)) };
    return { error: { known: status in outcomes && stderr.startsWith('untorn: '), code: '', outcome: outcomes[status] ?? '', message: stderr } };
  }, trial);
}
