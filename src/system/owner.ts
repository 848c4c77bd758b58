/**
 * Who a temporary file belongs to, said in its name: host, boot, pid namespace, process and its start.
 *
 * So a sweeper can tell a file whose writer is dead from one that is being written, across containers that
 * all have a pid 1 and machines that share a filesystem.
 */
import { closeSync, fstatSync, openSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { codeOf } from '../errors.ts';
import type { TokenKind } from './calls.ts';

/** The parts of a token, all lower-case letters and digits. */
export interface Owner {
  readonly kind: TokenKind | 'lock';
  /** Tells machines apart. */
  readonly host: string;
  /** Tells a machine's boots apart; `'0'` where the system does not say. */
  readonly boot: string;
  /** Tells the pid namespaces of one boot apart; `'0'` where there are none. */
  readonly namespace: string;
  readonly pid: number;
  /** When the process started, in the system's own unit; `'0'` where the system does not say. */
  readonly start: string;
}

const letters: Readonly<Record<TokenKind, string>> = { temporary: 't', recovery: 'r', staged: 'x', journal: 'j', tree: 'd', version: 'v' };
const kinds = Object.fromEntries(Object.entries(letters).map(([kind, letter]) => [letter, kind])) as Record<string, TokenKind>;

const pattern = /untorn-(t|r|x|j|d|v)-([0-9a-z]{8})-([0-9a-z]{1,8})-([0-9a-z]+)-([0-9a-z]+)-([0-9a-z]+)-[0-9a-z]{20}/;

let own: Omit<Owner, 'kind'> | undefined;

/** This process. */
export function thisOwner(): Omit<Owner, 'kind'> {
  own ??= {
    host: digest(`${process.getBuiltinModule('node:os').hostname()}\n${readOr('/etc/machine-id')}`),
    boot: bootOf(readOr('/proc/sys/kernel/random/boot_id')),
    namespace: namespaceOf(),
    pid: process.pid,
    // A /proc of another pid namespace would tell of other processes.
    start: (linkOr('/proc/self') === String(process.pid) ? startOf('self')?.start : undefined) ?? '0',
  };
  return own;
}

let ownText: string | undefined;

/** This process, as names say it. */
export function thisOwnerInNames(): string {
  if (ownText === undefined) {
    const { host, boot, namespace, pid, start } = thisOwner();
    ownText = [host, boot, namespace, pid.toString(36), start].join('-');
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
  if (found === null) return undefined;
  const [, kind, host, boot, namespace, pid, start] = found as unknown as [string, string, string, string, string, string, string];
  return { kind: kinds[kind] as TokenKind, host, boot, namespace, pid: Number.parseInt(pid, 36), start };
}

/** When a process of this pid namespace, or a thread of it, started, and its state; undefined where there is none or the system does not say. */
export function startOf(pid: number | 'self', thread?: string): { readonly start: string; readonly state: string } | undefined {
  const stat = readOr(`/proc/${pid}/${thread === undefined ? '' : `task/${thread}/`}stat`);
  // The command name, in parentheses, may hold anything; the state is the third field, the start the 22nd (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', start] = [fields[0], fields[19]];
  return start === undefined || start === '' ? undefined : { start: BigInt(start).toString(36), state };
}

/**
 * Whether the owner of a file may still be writing it. Only where it can be seen is an owner dead: on this host, boot and
 * pid namespace, by process and start; or if the file was last written before this host was booted.
 */
export function judge(owner: Owner, lastChangeNs: bigint): 'alive' | 'dead' | 'unknown' {
  const own = thisOwner();
  if (owner.host !== own.host) return 'unknown';
  if (owner.boot !== own.boot) return lastChangeNs < bootTimeNs() ? 'dead' : 'unknown';
  if (owner.namespace !== own.namespace) return 'unknown';
  if (!processExists(owner.pid)) return 'dead';
  const found = own.start === '0' ? undefined : startOf(owner.pid);
  if (found === undefined || owner.start === '0') return 'alive';
  // A process that was killed and that nobody has waited for is there, and dead.
  return found.start === owner.start && found.state !== 'Z' && found.state !== 'X' ? 'alive' : 'dead';
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'; // EPERM: it is there, and not ours.
  }
}

/** When this host was booted; the beginning of time where the system does not say. */
function bootTimeNs(): bigint {
  const seconds = /^btime (\d+)$/m.exec(readOr('/proc/stat'))?.[1];
  return seconds === undefined ? 0n : BigInt(seconds) * 1_000_000_000n;
}

function bootOf(id: string): string {
  return id === '' ? '0' : digest(id);
}

function namespaceOf(): string {
  return BigInt(/\d+/.exec(linkOr('/proc/self/ns/pid'))?.[0] ?? 0).toString(36);
}

/** What a link of /proc says; nothing where the system has none. */
export function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readOr(path: string, otherwise = ''): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    // Without descriptors nothing is known of this process either, and its files would pass for somebody else's.
    if (['EMFILE', 'ENFILE'].includes(codeOf(error) ?? '')) throw error;
    return otherwise; // Not Linux, no /proc, or no such process: all mean "not known".
  }
}

/** FNV-1a, 40 bits in base 32: tells machines and boots apart, hides nothing and needs no crypto module at start. */
export function digest(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return BigInt.asUintN(40, hash ^ (hash >> 24n)).toString(32).padStart(8, '0');
}

const alphabet = '0123456789abcdefghijklmnopqrstuv';
let pool = new Uint8Array(0);
let used = 0;

/** Node's --permission and Deno's permissions know path names only, and not those of devices. */
export const byPathOnly: boolean = (process as { permission?: unknown }).permission !== undefined || 'Deno' in globalThis;

/** From the system itself where it has a device for it (random(4)): for `crypto` Node loads thirty modules, in 3 ms. */
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
    return false; // As in a chroot without devices, or out of descriptors: there are others to ask.
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
