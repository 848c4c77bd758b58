/** Locks as a process would leave them that was killed, or that runs elsewhere. */
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { updateFileSync, unchanged } from 'untorn';

/** The parts of an owner in the names of its files. */
const ownerParts = ['host', 'boot', 'booted', 'namespace', 'clock', 'pid', 'start', 'thread', 'threadStart'] as const;
export type OwnerParts = Record<(typeof ownerParts)[number], string>;
/** The parts of the name of a lock's entry that tests change. */
export type LockParts = OwnerParts & { lease: string };

/** The owner that a name says. */
export function partsOf(name: string): OwnerParts {
  const parts = (/untorn-[a-z]-([0-9a-z-]+)/.exec(name)?.[1] ?? '').split('-');
  return Object.fromEntries(ownerParts.map((part, index) => [part, parts[index]])) as OwnerParts;
}

/** The name of a file with another owner. */
export function withParts(name: string, changed: Partial<OwnerParts>): string {
  const parts = { ...partsOf(name), ...changed };
  return name.replace(
    new RegExp(`(untorn-[a-z])(?:-[0-9a-z]+){${ownerParts.length}}`),
    `$1-${ownerParts.map((part) => parts[part]).join('-')}`,
  );
}

/** The name of the entry of a lock that this thread has taken. */
function ownEntry(folder: string): string {
  let entry = '';
  updateFileSync(join(folder, 'own'), () => {
    [entry = ''] = readdirSync(join(folder, '.own.untorn-lock', 'held'));
    return unchanged;
  });
  return entry;
}

let count = 0;

/**
 * Leaves the lock of a file with a temporary file of its owner; returns their paths. `changed` is in seconds since the
 * epoch.
 */
export function leaveLock(
  folder: string,
  name: string,
  parts: Partial<LockParts>,
  changed = Date.now() / 1000,
  note = '',
): { lock: string; entry: string; temporary: string } {
  const { lease = '2s', ...owner } = parts;
  const own = withParts(ownEntry(folder), owner);
  const random = `left${String(++count).padStart(16, '0')}`;
  const lock = join(folder, `.${name}.untorn-lock`);
  const entry = join(lock, 'held', own.replace(/-[0-9a-z]+-[0-9a-z]{20}$/, `-${lease}-${random}`));
  const token = own
    .replace('untorn-l-', 'untorn-t-')
    .replace(/-[0-9a-z]+-[0-9a-z]{20}$/, `-${String(count).padStart(20, '0')}`);
  const temporary = join(entry, `.${name}.${token}.tmp`);
  mkdirSync(entry, { recursive: true });
  if (note !== '') writeFileSync(join(entry, 'note'), note);
  writeFileSync(temporary, 'half');
  utimesSync(entry, changed, changed);
  return { lock, entry, temporary };
}
