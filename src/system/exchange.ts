/**
 * Swapping two names at once. Node has no renameat2(2); `mv --exchange` of GNU coreutils 9.5 and later makes that very call.
 */
import { refusal } from '../errors.ts';
import type { PathName } from '../path.ts';

/** Loaded where it is needed: it takes longer to load than the rest of the package's needs of Node together. */
function processes(): typeof import('node:child_process') {
  return process.getBuiltinModule('node:child_process');
}

/** Messages in English. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C' };
}

export function exchangeSync(one: PathName, other: PathName): void {
  const given = argumentsFor(one, other);
  try {
    processes().execFileSync('mv', given, { encoding: 'utf8', env: environment(), stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    throw failure(error as Failed, (error as Failed).stderr ?? '');
  }
}

export function exchange(one: PathName, other: PathName, done: (error: unknown) => void): void {
  processes().execFile('mv', argumentsFor(one, other), { encoding: 'utf8', env: environment() }, (error, _, stderr) => done(error === null ? null : failure(error as Failed, stderr)));
}

function argumentsFor(one: PathName, other: PathName): string[] {
  if (typeof one !== 'string' || typeof other !== 'string') throw unsupported('its name is not valid UTF-8');
  return ['--exchange', '--no-target-directory', '--no-copy', '--', one, other];
}

interface Failed {
  /** Of the system where `mv` could not be started; else its exit status, for execFile. */
  readonly code?: string | number | null;
  readonly stderr?: string;
}

/** What `mv` says in the C locale, by the words of strerror(3). */
const codes: readonly (readonly [RegExp, string])[] = [
  [/Permission denied/, 'EACCES'],
  [/Operation not permitted/, 'EPERM'],
  [/Read-only file system/, 'EROFS'],
  [/resource busy/, 'EBUSY'],
  [/No such file/, 'ENOENT'],
  [/No space left/, 'ENOSPC'],
];

function failure(error: Failed, stderr: string): Error {
  if (error.code === 'ENOENT') return unsupported('there is no mv');
  if (typeof error.code === 'string') return refusal(error.code, `mv could not be started (${error.code})`);
  const said = stderr.trim().split('\n')[0] ?? '';
  if (/option/.test(said)) return unsupported('the mv that is installed is older');
  if (/Invalid argument|not supported|not implemented/.test(said)) return unsupported(`the filesystem cannot: ${said}`);
  const code = codes.find(([words]) => words.test(said))?.[1] ?? 'EIO';
  return refusal(code, said === '' ? 'mv failed' : said);
}

function unsupported(why: string): Error {
  return refusal('ENOTSUP', `two directories can be swapped only by renameat2(2), through "mv --exchange" of GNU coreutils 9.5 or later: ${why}. Make the path a symbolic link to the directory instead (mv NAME NAME.1 && ln -s NAME.1 NAME)`);
}
