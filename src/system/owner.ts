/**
 * The owner of a temporary file, in its name: machine, boot, namespaces, process and thread, and when those started.
 *
 * So a sweep can tell a file whose writer is dead from one that is being written, across containers that all have a pid
 * 1 and machines that share a filesystem. Owners that cannot be distinguished are not judged: process numbers are
 * compared only within one boot, pid namespace and time namespace.
 */
import { statfsSync, closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { currentTime, byPathOnly } from './globals.ts';
import { hasEnded, isStopped, linkOr, processExists, readOr, startOf } from './processes.ts';

/**
 * The kind of a file with a token: to be removed when its owner is dead, the only copy of something, new content of a
 * transaction, or the record of one; or a directory that is being filled or removed, or a whole one.
 */
export type TokenKind = 'temporary' | 'recovery' | 'staged' | 'journal' | 'tree' | 'version';

/** The parts of a token, all lower-case letters and digits. `'0'` stands for what the system does not tell. */
export interface Owner {
  readonly kind: TokenKind | 'lock';
  /** Distinguishes machines, except copies of one that share its name and machine-id(5). */
  readonly host: string;
  /** Distinguishes a machine's boots. */
  readonly boot: string;
  /** When that boot began, in seconds since the epoch, to the base 36. */
  readonly booted: string;
  /** The pid namespace. */
  readonly namespace: string;
  /** The time namespace: in another one the same processes have other times. */
  readonly clock: string;
  readonly pid: number;
  /**
   * When the process started, in the system's own unit. If the system does not tell, a value that no other thread has,
   * after a `'0'`.
   */
  readonly start: string;
  /** The number of a worker thread, which can end before its process does. */
  readonly thread: string;
  /** When that thread started. */
  readonly threadStart: string;
}

/** What can be seen of an owner: it runs; it has ended; or it may be either, as one that cannot be seen. */
export type Sign = 'alive' | 'dead' | 'unknown';

const letters: Readonly<Record<TokenKind, string>> = {
  temporary: 't',
  recovery: 'r',
  staged: 'x',
  journal: 'j',
  tree: 'd',
  version: 'v',
};
const kinds = Object.fromEntries(Object.entries(letters).map(([kind, letter]) => [letter, kind])) as Record<
  string,
  TokenKind
>;

/** The form of an owner and a random part in a name. */
export const tokenForm = '[0-9a-z]{8}-[0-9a-z]{1,8}(?:-[0-9a-z]+){7}-[0-9a-z]{20}';
const pattern = new RegExp(`untorn-(t|r|x|j|d|v)-(${tokenForm})`);

/** The parts that are the same for all that a thread owns. */
type Self = Omit<Owner, 'kind'>;

let own: Self | undefined;

/** This thread. */
export function thisOwner(): Self {
  own ??= lookAtSelf();
  return own;
}

let ownText: string | undefined;

/** This thread, in the form for names. */
export function thisOwnerInNames(): string {
  if (ownText === undefined) {
    const { host, boot, booted, namespace, clock, pid, start, thread, threadStart } = thisOwner();
    ownText = [host, boot, booted, namespace, clock, pid.toString(36), start, thread, threadStart].join('-');
  }
  return ownText;
}

/** A new name part that says who owns a file and that nobody can guess: 100 random bits. */
export function newToken(kind: TokenKind): string {
  return `untorn-${letters[kind]}-${thisOwnerInNames()}-${newRandomName()}`;
}

/** The owner in a file name, if the name has a token. */
export function parseToken(name: string): Owner | undefined {
  const found = pattern.exec(name);
  return found === null
    ? undefined
    : { kind: kinds[found[1] as string] as TokenKind, ...parseOwner((found[2] as string).split('-')) };
}

/** The owner in the first parts of a token. */
export function parseOwner(parts: readonly string[]): Self {
  const [host, boot, booted, namespace, clock, pid, start, thread, threadStart] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return { host, boot, booted, namespace, clock, pid: Number.parseInt(pid, 36), start, thread, threadStart };
}

/**
 * Whether the owner of a file may still be writing it. An owner is dead only if that can be seen: in this boot, pid and
 * time namespace, by process, thread and their starts. An owner of another boot is dead if the file was last changed
 * before this boot began, and `exclusive` says that only one kernel can use its filesystem: another machine may have
 * the same name and id.
 */
export function judge(owner: Owner, lastChangeNs: bigint, exclusive: boolean): Sign {
  const state = stateOf(owner, lastChangeNs, exclusive);
  return state === 'hidden' || state === 'stopped' ? 'alive' : state;
}

/** The same; and for a live owner, whether it is stopped, or cannot be examined. */
export function stateOf(owner: Owner, lastChangeNs: bigint, exclusive: boolean): Sign | 'hidden' | 'stopped' {
  const self = thisOwner();
  if (owner.host !== self.host) return 'unknown';
  if (owner.boot !== self.boot) return exclusive && isOver(owner, lastChangeNs) ? 'dead' : 'unknown';
  if (owner.namespace !== self.namespace || owner.clock !== self.clock) return 'unknown';
  if (
    owner.pid === self.pid &&
    owner.start === self.start &&
    owner.thread === self.thread &&
    owner.threadStart === self.threadStart
  )
    return 'alive';
  return canCompare(self) ? stateOfProcess(owner, self) : 'unknown';
}

/** Whether process numbers are those of this boot and of one namespace. Windows and macOS have no others. */
function canCompare({ boot }: Self): boolean {
  return boot !== '0' || process.platform === 'win32' || process.platform === 'darwin';
}

function stateOfProcess(owner: Owner, self: Self): Sign | 'hidden' | 'stopped' {
  if (!processExists(owner.pid)) return 'dead';
  if (isUnknown(self.start) || isUnknown(owner.start)) return 'hidden';
  const found = startOf(owner.pid);
  if (found === undefined) return 'hidden';
  if (found.start !== owner.start || hasEnded(found)) return 'dead';
  if (owner.thread === '0') return isStopped(found) ? 'stopped' : 'alive';
  const thread = startOf(owner.pid, Number.parseInt(owner.thread, 36));
  // The system says nothing of a thread that is gone, nor of any thread where that is hidden.
  if (thread === undefined) return startOf(owner.pid, owner.pid) === undefined ? 'hidden' : 'dead';
  if (thread.start !== owner.threadStart || hasEnded(thread) || thread.isExiting) return 'dead';
  return isStopped(thread) ? 'stopped' : 'alive';
}

/** Seconds by which the start of one boot may seem to differ between two looks, since clocks are set. */
const precision = 60;

/**
 * Whether the boot of an owner on this host and filesystem is over. systemd-nspawn gives each container a boot id of
 * its own: such ids say nothing of when the kernel was booted, and neither does an owner in such a container.
 */
function isOver({ booted }: Owner, lastChangeNs: bigint): boolean {
  const own = thisOwner().booted;
  if (booted === '0' || own === '0') return false;
  const [its, ours] = [Number.parseInt(booted, 36), Number.parseInt(own, 36)];
  return Math.abs(ours - its) > precision && lastChangeNs < BigInt(ours) * 1_000_000_000n;
}

function isUnknown(start: string): boolean {
  return start.startsWith('0');
}

function lookAtSelf(): Self {
  const boot = readOr('/proc/sys/kernel/random/boot_id');
  const clock = inodeIn(linkOr('/proc/self/ns/time'));
  // A /proc of another pid namespace would tell of other processes.
  const found = linkOr('/proc/self') === String(process.pid) ? startOf('self') : undefined;
  const thread = found === undefined ? undefined : /\/task\/(\d+)$/.exec(linkOr('/proc/thread-self'))?.[1];
  const worker = thread === undefined || Number(thread) === process.pid ? undefined : startOf('self', Number(thread));
  return {
    host: digest(`${hostName()}\n${process.platform}\n${readOr('/etc/machine-id')}`),
    boot: boot === '' ? '0' : digest(boot),
    booted: boot === '' ? '0' : bootTime(clock),
    namespace: inodeIn(linkOr('/proc/self/ns/pid')),
    clock,
    pid: process.pid,
    start: found?.start ?? `0${newRandomName().slice(0, 7)}`,
    thread: worker === undefined ? '0' : Number(thread).toString(36),
    threadStart: worker?.start ?? '0',
  };
}

function hostName(): string {
  try {
    return process.getBuiltinModule('node:os').hostname();
  } catch {
    return ''; // Deno asks for a permission.
  }
}

/** The number of a namespace, from its link; short, since the kernel's numbers begin at 0xf0000000. */
function inodeIn(link: string): string {
  const inode = BigInt(/\d+/.exec(link)?.[0] ?? 0);
  if (inode === 0n) return '0';
  return inode > firstNamespace ? (inode - firstNamespace).toString(36) : `0${inode.toString(36)}`;
}

/**
 * Below it are the initial namespaces of the system, which all have fixed numbers from there on (`PROC_*_INIT_INO`).
 */
const firstNamespace = 0xefff_ffefn;
const firstClock = (0xefff_fffan - firstNamespace).toString(36);
const procFilesystem = 0x9fa0;

/** When the kernel was booted; `'0'` if a time namespace may show another time, or a container another boot id. */
function bootTime(clock: string): string {
  try {
    if (
      statfsSync('/proc/sys/kernel/random/boot_id').type !== procFilesystem ||
      (clock !== '0' && clock !== firstClock)
    )
      return '0';
  } catch {
    return '0';
  }
  const uptime = Number.parseFloat(readOr('/proc/uptime'));
  return uptime > 0 ? Math.floor(currentTime() / 1000 - uptime).toString(36) : '0';
}

/** FNV-1a, 40 bits in base 32: distinguishes machines and boots, hides nothing and needs no crypto module at start. */
export function digest(text: string): string {
  const hash = fnv1a(text);
  return BigInt.asUintN(40, hash ^ (hash >> 24n))
    .toString(32)
    .padStart(8, '0');
}

/** FNV-1a, 64 bits, in two halves: the prime is 2 ** 40 + 0x1b3. */
export function fnv1a(text: string): bigint {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of Buffer.from(text)) {
    const mixed = (low ^ byte) >>> 0;
    const product = mixed * 0x1b3;
    high = (Math.imul(high, 0x1b3) + (mixed << 8) + Math.floor(product / 2 ** 32)) >>> 0;
    low = product >>> 0;
  }
  return (BigInt(high) << 32n) | BigInt(low);
}

const alphabet = '0123456789abcdefghijklmnopqrstuv';
let pool = new Uint8Array(0);
let used = 0;

/** From the system's device if it has one (random(4)): for `crypto` Node loads thirty modules, in 3 ms. */
function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  return process.platform === 'linux' && !byPathOnly && fromDevice(bytes) ? bytes : crypto.getRandomValues(bytes);
}

/** The number of /dev/urandom, so that nothing else passes for it. */
const urandom = 0x109;

function fromDevice(bytes: Uint8Array<ArrayBuffer>): boolean {
  let fd;
  try {
    fd = openSync('/dev/urandom', 'r');
    const status = fstatSync(fd);
    return status.isCharacterDevice() && status.rdev === urandom && readSync(fd, bytes) === bytes.length;
  } catch {
    return false; // For example in a chroot without devices, or without descriptors: there are other sources.
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** 100 random bits. */
export function newRandomName(): string {
  if (used + 20 > pool.length) {
    pool = randomBytes(2000);
    used = 0;
  }
  let name = '';
  for (const end = used + 20; used < end; used++) name += alphabet[(pool[used] as number) & 31];
  return name;
}
