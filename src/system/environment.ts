import { lutimes, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, type PathName } from '../contract/index.ts';
import { runAsync } from './async-driver.ts';
import { release } from './close-later.ts';
import { atEnd, guard } from './exit-cleanup.ts';
import { clearInterval, currentTime, setImmediate, setInterval, setTimeout } from './globals.ts';
import { judgeLockOwner, newLockToken } from './lock-owner.ts';
import { hasJournal, hasProjects, isVolatile, mountIdOf, mountOf } from './mounts.ts';
import { native } from './native.ts';
import { newToken } from './owner.ts';
import { ProcessState, type Steps, type Environment } from './port.ts';
import { accessPath } from './paths.ts';
import { systems } from './systems.ts';

/** process.umask() sets the umask to read it, for all threads; the kernel also just tells it (proc(5)). */
function readUmask(): number {
  try {
    const line = /^Umask:\s*([0-7]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (line !== undefined) return Number.parseInt(line, 8);
  } catch {
    // No /proc.
  }
  // oxlint-disable-next-line typescript/no-deprecated -- there is no other way without /proc
  return process.umask();
}

/** Users and groups that this process cannot tell apart, since its user namespace has no number for them. */
const overflow = new Map<'uid' | 'gid', number | undefined>();

/** Whether an owner from stat(2) stands for all that are not mapped here (user_namespaces(7)). */
function isUnmapped(kind: 'uid' | 'gid', id: number): boolean {
  if (process.platform !== 'linux') return false;
  if (!overflow.has(kind)) overflow.set(kind, readOverflow(kind));
  return overflow.get(kind) === id;
}

/** The number that stands for them; undefined if every owner has its own. */
function readOverflow(kind: 'uid' | 'gid'): number | undefined {
  if (isEveryoneMapped(kind)) return undefined;
  try {
    return Number(readFileSync(`/proc/sys/kernel/overflow${kind}`, 'utf8'));
  } catch {
    return usualOverflow; // No /proc, or one that shows nothing but processes.
  }
}

/** The number that the kernel uses if nobody has set another one. */
const usualOverflow = 65_534;

/** False also if that is not known. */
function isEveryoneMapped(kind: 'uid' | 'gid'): boolean {
  try {
    const map = readFileSync(`/proc/self/${kind}_map`, 'utf8').trim().split('\n');
    const mapped = map.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[2] ?? 0), 0);
    // All but -1, which is not an owner.
    return mapped >= 0xffffffff;
  } catch (error) {
    // With a /proc, the kernel has no user namespaces.
    return codeOf(error) === 'ENOENT' && accessPath(0, '') !== '';
  }
}

/** A lock that is lost meanwhile is noticed when it is used. */
function showLife(entry: PathName, interval: number): () => void {
  const timer = setInterval(
    () => lutimes(entry, currentTime() / 1000, currentTime() / 1000, () => undefined),
    interval,
  );
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * Something that was not found may be on a filesystem that is not mounted now: it is looked for less and less often.
 */
function insist(steps: () => Steps<boolean>, pause = 100): void {
  const again = (longest: number): void => insist(steps, Math.min(2 * pause, longest));
  const retry = (): Promise<void> =>
    runAsync(steps()).then(
      (isDone) => (isDone ? undefined : again(2 ** 30)),
      () => again(10_000),
    );
  setTimeout(() => void retry(), pause).unref();
}

/**
 * Whether there is a syncfs(2), which a sandbox may refuse: the call is tried with a number that no descriptor has. So
 * nothing is synced.
 */
function hasSyncfs(): boolean {
  try {
    systems().sync.syncfs(2 ** 31 - 1);
    return true;
  } catch (error) {
    return codeOf(error) === 'EBADF';
  }
}

/** What the program was told. */
const warned = new Set<string>();

/** Whether filesystems have quotas for projects: those are begun when a filesystem is mounted. */
const projects = new Map<bigint, boolean>();

export const environment: Environment = {
  platform: process.platform,
  descriptorsRestricted: (process as { permission?: unknown }).permission !== undefined,
  get namesOpenFiles() {
    return native()?.operations['linkOpen'] !== undefined;
  },
  get syncsFilesystems() {
    const [major = 0, minor = 0] = process.getBuiltinModule('node:os').release().split('.').map(Number);
    return (major > 5 || (major === 5 && minor >= 8)) && hasSyncfs();
  },
  get uid() {
    return process.geteuid?.();
  },
  accessPath,
  isUnmapped,
  isVolatile,
  mountOf,
  mountIdOf: (fd) => (process.platform === 'linux' ? mountIdOf(fd) : 'the only one'),
  warnOnce(code, message, about) {
    if (warned.has(about)) return;
    warned.add(about);
    process.emitWarning(message, { type: 'UntornWarning', code });
  },
  hasJournal,
  hasProjects(dev) {
    let has = projects.get(dev);
    if (has === undefined) projects.set(dev, (has = hasProjects(dev)));
    return has;
  },
  umask: readUmask,
  release,
  soon: (callback) => void setImmediate(callback),
  token: newToken,
  guard,
  atEnd,
  insist,
  locks: new Map(),
  state: new ProcessState(),
  lockToken: newLockToken,
  judge: judgeLockOwner,
  showLife,
  stateDirectories() {
    const { homedir, tmpdir } = process.getBuiltinModule('node:os');
    const state = process.env['XDG_STATE_HOME'];
    return [
      ...(state !== undefined && state.startsWith('/') ? [join(state, 'untorn')] : []),
      join(homedir(), '.local', 'state', 'untorn'),
      join(tmpdir(), `untorn-${process.geteuid?.() ?? 'user'}`),
    ];
  },
};
