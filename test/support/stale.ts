/** Locks as a process would leave them that was killed, or that runs elsewhere. */
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { updateFileSync, unchanged } from 'untorn';

/** The parts of the name of a lock's entry that tests change. */
export interface LockParts {
  host: string;
  boot: string;
  namespace: string;
  pid: string;
  start: string;
  thread: string;
  threadStart: string;
  lease: string;
}

/** Those of a lock of this process. */
function ownParts(folder: string): LockParts {
  let entry = '';
  updateFileSync(join(folder, 'own'), () => {
    [entry = ''] = readdirSync(join(folder, '.own.untorn-lock'));
    return unchanged;
  });
  const [, , host = '', boot = '', namespace = '', pid = '', start = '', thread = '', threadStart = '', lease = ''] = entry.split('-');
  return { host, boot, namespace, pid, start, thread, threadStart, lease };
}

let count = 0;

/** Leaves the lock of a file with a temporary file of its owner; returns their paths. `changed` is in seconds since the epoch. */
export function leaveLock(folder: string, name: string, parts: Partial<LockParts>, changed = Date.now() / 1000, note = ''): { lock: string; temporary: string } {
  const { host, boot, namespace, pid, start, thread, threadStart, lease } = { ...ownParts(folder), lease: '2s', ...parts };
  const random = `left${String(++count).padStart(16, '0')}`;
  const lock = join(folder, `.${name}.untorn-lock`);
  const entry = join(lock, `untorn-l-${[host, boot, namespace, pid, start, thread, threadStart, lease, random].join('-')}`);
  const temporary = join(folder, `.${name}.untorn-t-${[host, boot, namespace, pid, start].join('-')}-${String(count).padStart(20, '0')}.${random}.tmp`);
  mkdirSync(lock);
  writeFileSync(entry, note);
  utimesSync(entry, changed, changed);
  writeFileSync(temporary, 'half');
  return { lock, temporary };
}
