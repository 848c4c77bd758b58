/** The state of the standard descriptors. */
import { fstatSync, readFileSync } from 'node:fs';

/** Node loads its network code to examine a terminal, so that is done only where it may be one. */
export function isTerminal(fd: number): boolean {
  return (
    (process.platform === 'win32' || fstatSync(fd).isCharacterDevice()) &&
    process.getBuiltinModule('node:tty').isatty(fd)
  );
}

const nullDevice = 0x103;

/**
 * Whether a standard descriptor was closed (`<&-`, `>&-`) when the program began. Node.js then opens /dev/null for
 * reading and writing (PlatformInit in node.cc), unlike `< /dev/null`. Only Linux can tell.
 */
export function wasClosed(fd: 0 | 1): boolean {
  if (process.platform !== 'linux' || fstatSync(fd).rdev !== nullDevice) return false;
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return (Number.parseInt(flags ?? '0', 8) & 3) === 2;
  } catch {
    return false; // No /proc.
  }
}
