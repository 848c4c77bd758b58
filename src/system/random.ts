/** Names that nobody can guess. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const alphabet = '0123456789abcdefghijklmnopqrstuv';
let pool = new Uint8Array(0);
let used = 0;

/** Node's --permission and Deno's permissions know only path names, and not those of devices. */
export const byPathOnly: boolean =
  (process as { permission?: unknown }).permission !== undefined || 'Deno' in globalThis;

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
