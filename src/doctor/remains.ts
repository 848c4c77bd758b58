/** Locks, temporary files and transactions in a directory, by their names and with a look at each. Nothing is touched. */
import { asText, codeOf, display, fromBytes, join, type PathName } from '../contract/index.ts';
import {
  commandOf,
  environment as here,
  judge,
  lastChange,
  parseToken,
  thisOwner,
  type FileStatus,
  type LockOwner,
  type Owner,
  type Sign,
  type Steps,
} from '../system/index.ts';
import { inFound, isExclusive, lookIn, namesIn, type FoundDirectory, type Operation } from '../files/index.ts';
import { isLockName, lockNameOf, lockSuffix, lookAtHolder, parseTicket, signOf } from '../lock/index.ts';
import { leftovers } from '../journal/index.ts';
import type { Findings } from './findings.ts';
import type { InspectedLeftover, InspectedLock, InspectedOwner } from './inspection.ts';

export interface Remains {
  readonly locks: InspectedLock[];
  readonly leftovers: InspectedLeftover[];
}

/** What is in a directory. `file` is the name of the file that is inspected. */
export function* examineRemains(
  operation: Operation,
  folder: FoundDirectory,
  file: PathName | undefined,
  findings: Findings,
): Steps<Remains> {
  const names = yield* namesIn(folder);
  const exclusive = yield* isExclusive(folder.directory);
  const remains: Remains = { locks: [], leftovers: [] };
  for (const name of names) {
    if (!isLockName(name)) continue;
    const lock = yield* unlessHidden(folder, name, findings, () =>
      inFound(operation, folder, name, (home) => lookAtLock(operation, folder, home, name, exclusive)),
    );
    if (lock === undefined) continue;
    remains.locks.push(lock);
    tellLock(lock, file !== undefined && asText(name) === asText(lockNameOf(file)), findings);
  }
  for (const [id, left] of leftovers(names)) {
    const name = left.record ?? left.pointer ?? left.staged[0];
    const owner = parseToken(`untorn-x-${id}`);
    if (name === undefined || owner === undefined) continue;
    yield* add(remains, folder, name, 'transaction', owner, exclusive);
  }
  for (const name of names) {
    const owner = parseToken(asText(name));
    if (owner?.kind === 'temporary' || owner?.kind === 'recovery' || owner?.kind === 'tree')
      yield* add(remains, folder, name, owner.kind, owner, exclusive);
  }
  for (const one of remains.leftovers) tellLeftover(one, findings);
  return remains;
}

/** A look at a lock, which its owner may have closed to others. */
function* unlessHidden<T>(
  { directoryPath }: FoundDirectory,
  name: PathName,
  findings: Findings,
  look: () => Steps<T>,
): Steps<T | undefined> {
  try {
    return yield* look();
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(codeOf(error) ?? '')) throw error;
    const path = display(join(directoryPath, name));
    findings.add('fact', 'locks', 'hidden-lock', `this process may not look into the lock "${path}"`);
    return undefined;
  }
}

function* lookAtLock(
  operation: Operation,
  { directoryPath }: FoundDirectory,
  home: FoundDirectory,
  name: PathName,
  exclusive: boolean,
): Steps<InspectedLock | undefined> {
  const holder = yield* lookAtHolder(home);
  const waiting = (yield* namesIn(home)).filter((one) => parseTicket(one) !== undefined).length;
  if (holder === undefined && waiting === 0) return undefined;
  const owner = holder?.owner;
  const sign = holder === undefined ? 'dead' : signOf(operation, holder, exclusive);
  return {
    file: fileOf(directoryPath, name),
    path: join(directoryPath, name),
    holder: owner === undefined ? undefined : shown(owner, sign),
    waiting,
  };
}

/** The file of a lock; undefined for a name that was too long to be in that of the lock. */
function fileOf(directory: PathName, lock: PathName): PathName | undefined {
  const text = asText(lock).slice(1, -lockSuffix.length);
  const name = typeof lock === 'string' ? text : fromBytes(Buffer.from(text, 'latin1'));
  return asText(lockNameOf(name)) === asText(lock) ? join(directory, name) : undefined;
}

function* add(
  { leftovers: found }: Remains,
  folder: FoundDirectory,
  name: PathName,
  kind: InspectedLeftover['kind'],
  owner: Owner,
  exclusive: boolean,
): Steps<void> {
  const status = yield* lookIn(folder, name);
  // Renamed into place meanwhile.
  if (status === undefined) return;
  found.push({
    path: join(folder.directoryPath, name),
    kind,
    owner: shown(owner, signOfOwner(owner, status, exclusive)),
  });
}

function signOfOwner(owner: Owner, status: FileStatus, exclusive: boolean): Sign {
  return judge(owner, lastChange(status), exclusive);
}

function shown(owner: Owner | LockOwner, sign: Sign): InspectedOwner {
  const self = thisOwner();
  const isHere =
    owner.host === self.host &&
    owner.boot === self.boot &&
    owner.namespace === self.namespace &&
    here.platform !== 'win32';
  const command = isHere && sign === 'alive' ? commandOf(owner.pid) : '';
  return {
    pid: owner.pid,
    where: isHere ? 'here' : 'elsewhere',
    command: command === '' ? undefined : command,
    sign,
  };
}

/** How much of a command line is shown in words. */
const longest = 100;

/** An owner in words. */
function words({ pid, where, command, sign }: InspectedOwner): string {
  const place = where === 'here' ? '' : ' of another machine, container or boot';
  const state = { alive: '', dead: ', which has ended', unknown: ', which cannot be seen from here' }[sign];
  const cut = (text: string): string => (text.length > longest ? `${text.slice(0, longest)}…` : text);
  return `process ${pid}${place}${command === undefined ? '' : ` (${cut(command)})`}${state}`;
}

function tellLock({ file, path, holder, waiting }: InspectedLock, isOwn: boolean, findings: Findings): void {
  const what = isOwn ? 'its lock' : `the lock of "${display(file ?? path)}"`;
  const queue = waiting === 0 ? '' : `; ${waiting === 1 ? 'one waits' : `${waiting} wait`} for it`;
  if (holder === undefined)
    findings.add('fact', 'locks', 'waited-for', `${what} is free or not this package's${queue}`);
  else if (holder.sign === 'dead')
    findings.add(
      'leftover',
      'locks',
      'abandoned',
      `${what} was held by ${words(holder)}: the next one takes it${queue}`,
    );
  else findings.add('fact', 'locks', 'held', `${what} is held by ${words(holder)}${queue}`);
}

const kinds: Record<InspectedLeftover['kind'], { readonly what: string; readonly remedy: string }> = {
  temporary: { what: 'a temporary file', remedy: 'sweep removes it' },
  recovery: { what: 'a copy that was kept after a failure', remedy: 'copy it back, or delete it' },
  transaction: { what: 'a transaction', remedy: 'recover completes or removes it' },
  tree: { what: 'a directory that was being filled or removed', remedy: 'sweep removes it' },
};

function tellLeftover({ path, kind, owner }: InspectedLeftover, findings: Findings): void {
  const { what, remedy } = kinds[kind];
  const isOver = owner.sign === 'dead' || kind === 'recovery';
  const next = isOver ? `; ${remedy}` : owner.sign === 'alive' ? ' is at work' : `; ${remedy} once it is old enough`;
  findings.add(
    isOver || owner.sign === 'unknown' ? 'leftover' : 'fact',
    'leftovers',
    isOver ? kind : `${kind}-${owner.sign}`,
    `"${display(path)}" is ${what}: ${words(owner)}${next}`,
  );
}
