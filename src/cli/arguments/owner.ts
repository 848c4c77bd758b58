/** Users and groups by name or number, as chown(1) takes them. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { UsageError } from '../failures.ts';

/** Reads USER, USER:GROUP or :GROUP. */
export function readOwner(text: string): { uid?: number; gid?: number } {
  const [user = '', group, ...rest] = text.split(':');
  if (rest.length > 0 || group === '' || (user === '' && group === undefined))
    throw new UsageError(`--owner must be USER, USER:GROUP or :GROUP, not "${text}"`);
  return {
    ...(user !== '' && { uid: idOf('passwd', user, 'user') }),
    ...(group !== undefined && { gid: idOf('group', group, 'group') }),
  };
}

function idOf(database: 'passwd' | 'group', name: string, kind: string): number {
  const id = /^\d+$/.test(name) ? Number(name) : lookUp(database, name);
  if (id === undefined) throw new UsageError(`There is no ${kind} "${name}"`);
  // 4294967295 is -1 to chown(2), which means "leave it".
  if (id >= 0xffffffff) throw new UsageError(`The ${kind} number must be from 0 to 4294967294, not ${name}`);
  return id;
}

/** Asks getent(1), which also knows directories such as LDAP. Without getent(1) the file is read. */
function lookUp(database: string, name: string): number | undefined {
  const { stdout, error } = spawnSync('getent', [database, name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const entries = error === undefined ? stdout : readOrNothing(`/etc/${database}`);
  const entry = entries
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name);
  return entry?.[2] === undefined ? undefined : Number(entry[2]);
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // No such database: numbers only.
  }
}
