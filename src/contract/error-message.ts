/** The message of an error: what could not be done, why, what the file holds, and what helps. */
import type { Failure, OperationName, Outcome, Step, WriteErrorDetails } from './failure.ts';
import { asText, display, type PathName } from './path-name.ts';
import { wordsOf } from './system-errors.ts';

const doing: Record<Step, string> = {
  resolve: 'looking at it',
  'make parents': 'making its parent directories',
  wait: 'waiting for its turn',
  lock: 'waiting for its lock',
  read: 'reading the old content',
  unlock: 'releasing its lock',
  update: 'waiting for the new content',
  'create temporary file': 'creating the temporary file',
  'read source': 'reading the data',
  write: 'writing',
  'set metadata': 'setting mode, owner or attributes',
  sync: 'syncing',
  close: 'closing the temporary file',
  'back up': 'making the backup',
  rename: 'renaming',
  remove: 'removing it',
  cut: 'cutting off its torn end',
  'write in place': 'writing in place',
  'sync directory': 'syncing the directory',
  commit: 'committing the transaction',
  complete: 'completing the transaction, which is committed',
};

const state: Record<Outcome, string> = {
  old: 'the target is untouched',
  new: 'the new content is committed, but not confirmed durable',
  unknown: 'what it holds now is unknown',
};

/** What is done, if it is not the replacement of a content. */
const done: Partial<Record<OperationName, string>> = {
  remove: 'it is removed, but that is not confirmed durable',
  rename: 'it has its new name, but that is not confirmed durable',
  link: 'the link is in place, but not confirmed durable',
  'append to': 'the data is appended, but not confirmed durable',
};

/** Operations that change no content, so that the message does not speak of it. */
const looking: ReadonlySet<OperationName | undefined> = new Set([
  'read',
  'inspect',
  'sweep',
  'recover',
  'lock',
] as const);
/** Operations that make missing parents if they are asked to. */
const making: ReadonlySet<OperationName | undefined> = new Set([undefined, 'copy', 'link', 'append to'] as const);

export function message(details: WriteErrorDetails, cause: Failure): string {
  const { operation = 'replace', step } = details;
  const kept =
    details.temporaryPath === undefined ? '' : `; the new content is kept in "${details.temporaryPath.toString()}"`;
  const backup =
    details.backupPath === undefined ? '' : `; ${keptOf(details)} is kept in "${details.backupPath.toString()}"`;
  const isLooking = looking.has(details.operation);
  const when = isLooking || saysAll(step, cause) ? '' : ` while ${doing[step]}`;
  const holds = isLooking ? '' : `; ${stateOf(details)}`;
  const hint = hintFor(details, cause);
  return `Cannot ${operation} ${shown(details)}: ${reason(details, cause)}${when}${holds}${kept}${backup}${hint === undefined ? '' : `; ${hints[hint]}`}`;
}

/** The path, and where it leads if that is elsewhere, as through a symbolic link. */
function shown({ path, dest, target }: WriteErrorDetails): string {
  const to = dest === undefined ? '' : ` to "${display(dest)}"`;
  const isNamed = target === undefined || [path, dest ?? path].some((name) => asText(target).endsWith(trimmed(name)));
  const there = isNamed ? '' : ` (that is "${display(target)}")`;
  return `"${display(path)}"${to}${there}`;
}

function trimmed(path: PathName): string {
  return asText(path).replace(/^(\.\/+)+|^\.$/, '');
}

/** What of the old content is kept: of a log, what was cut off. */
function keptOf({ operation }: WriteErrorDetails): string {
  return operation === 'append to' ? 'its torn end, which was cut off,' : 'the old content';
}

function stateOf({ outcome, operation, backupPath, files = [] }: WriteErrorDetails): string {
  if (outcome === 'old' && operation === 'append to' && backupPath !== undefined) return 'nothing is appended to it';
  const made = files.filter(({ holds }) => holds === 'new').length;
  if (outcome === 'new' && operation !== undefined) return done[operation] ?? state.new;
  if (outcome !== 'unknown' || files.length === 0) return state[outcome];
  return `${made} of its ${files.length} changes are made; recover() makes the rest`;
}

/**
 * Whether the reason is a complete explanation. Refusals of ours are, except where an abort or a source may fail at any
 * step.
 */
function saysAll(step: Step, cause: Failure): boolean {
  if (isNoDirectory(step, cause)) return true;
  return cause.errno === undefined && (step === 'resolve' || /^ERR_(?:ENCODING|LOCK|VERSION)_/.test(cause.code ?? ''));
}

/** The words of a system error, without the code, call and paths that Node adds. */
function reason({ cause, step, operation }: WriteErrorDetails, failure: Failure): string {
  if (!looking.has(operation) && isNoDirectory(step, failure)) return `its directory does not exist (${failure.code})`;
  if (failure.syscall === 'open' && failure.code === 'EAGAIN')
    return 'another program has a lease of it, and has not given it up (EAGAIN)';
  if (failure.syscall === 'uv_cwd') return `the working directory does not exist (${failure.code})`;
  if (failure.errno !== undefined && failure.syscall !== undefined)
    return `${wordsOf(failure.errno)} (${failure.code ?? failure.errno})`;
  return failure.message ?? String(cause);
}

/** Whether the target's directory does not exist: a target that does not exist is not a failure. */
function isNoDirectory(step: Step, { code, syscall }: Failure): boolean {
  return step === 'resolve' && code === 'ENOENT' && (syscall === 'open' || syscall === 'stat');
}

/** Hints against a failure, in the words of the library; the command has its own. */
export const hints = {
  mount:
    "if it is mounted by itself, as in a container, mount its directory instead, or write into the file with fallback: 'in-place'",
  mounted: 'if it is mounted by itself, as in a container, mount its directory instead',
  parents: 'makeParents: true makes the directory',
  directory: 'the directory must be writable, since a new file is made in it',
  backup: 'the directory of the backup must exist, and be writable',
  force: 'force: true accepts a missing file',
} as const;

function hintFor({ step, operation, locked }: WriteErrorDetails, failure: Failure): keyof typeof hints | undefined {
  if (looking.has(operation)) return undefined;
  const { code, errno, syscall } = failure;
  if (operation === 'remove' && code === 'ENOENT' && errno === undefined) return 'force';
  if (making.has(operation) && isNoDirectory(step, failure)) return 'parents';
  if (
    step === 'back up' &&
    (code === 'EACCES' || ((code === 'ENOENT' || code === 'ENOTDIR') && (syscall === 'open' || syscall === 'stat')))
  )
    return 'backup';
  if (step === 'rename' && code === 'EBUSY' && process.platform !== 'win32')
    return locked === true ? 'mounted' : 'mount';
  return code === 'EACCES' && (step === 'create temporary file' || step === 'lock') ? 'directory' : undefined;
}
