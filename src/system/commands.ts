/**
 * Two system calls that Node does not have, made by programs of GNU coreutils: renameat2(2) with RENAME_EXCHANGE by `mv
 * --exchange` (9.5 and later), syncfs(2) by `sync --file-system` (8.24 and later).
 */
import type { StdioOptions } from 'node:child_process';
import { bare, refusal, type PathName } from '../contract/index.ts';

/** Loaded when it is needed: it takes longer to load than the rest of Node that the package needs. */
function processes(): typeof import('node:child_process') {
  return process.getBuiltinModule('node:child_process');
}

/** Messages in English. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C' };
}

/** Swaps two names. Blocks: nothing of this process comes between the looks before and after it. */
export function exchange(one: PathName, other: PathName): void {
  if (typeof one !== 'string' || typeof other !== 'string') throw unsupported('its name is not valid UTF-8');
  const { names, directory } = fromDirectory(one, other);
  const given = ['--exchange', '--no-target-directory', '--no-copy', '--', ...names];
  try {
    const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', ...(directory === undefined ? [] : [directory])];
    processes().execFileSync('mv', given, bare({ encoding: 'utf8', env: environment(), stdio }));
  } catch (error) {
    throw failure(error as Failed, (error as Failed).stderr ?? '');
  }
}

let isTrusted: boolean | undefined;

/** Whether the installed `sync` is the one of GNU coreutils: others succeed whatever the system answers. */
function canSync(): boolean {
  isTrusted ??= String(processes().spawnSync('sync', ['--version'], bare({ env: environment() })).stdout).includes(
    'GNU',
  );
  return isTrusted;
}

type Start = ['sync', string[], { readonly stdio: StdioOptions }];

/**
 * The directory is descriptor 3 of the program. There are no pipes: reading them would wait by functions that programs
 * may replace.
 */
function startOf(directory: number): Start {
  if (!canSync()) throw cannotSync();
  return ['sync', ['-f', '/proc/self/fd/3'], bare({ stdio: ['ignore', 'ignore', 'ignore', directory] })];
}

/** Writes all changes of the filesystem of an open directory to the disk. */
export function syncfs(directory: number): void {
  const { error, status } = processes().spawnSync(...startOf(directory));
  if (error !== undefined) throw cannotSync();
  if (status !== 0) throw syncFailed();
}

/** The same, without blocking. */
export async function syncfsLater(directory: number): Promise<void> {
  const child = processes().spawn(...startOf(directory));
  child.on('error', () => undefined);
  if (child.pid === undefined) throw cannotSync();
  const status = await new Promise((resolve) => void child.on('exit', resolve));
  if (status !== 0) throw syncFailed();
}

function cannotSync(): Error {
  return refusal('ENOSYS', 'there is no sync of GNU coreutils');
}

function syncFailed(): Error {
  return refusal('EIO', 'sync --file-system failed');
}

/** Paths through a descriptor of this process become paths through one that `mv` inherits. */
function fromDirectory(...paths: string[]): { readonly names: string[]; readonly directory?: number } {
  const found = paths.map((path) => /^\/proc\/self\/fd\/(\d+)\/(.*)$/s.exec(path));
  const directory = found[0]?.[1];
  if (directory === undefined || found.some((one) => one?.[1] !== directory)) return { names: paths };
  return { names: found.map((one) => `/proc/self/fd/3/${one?.[2]}`), directory: Number(directory) };
}

interface Failed {
  /** A code of the system if `mv` could not be started; otherwise its exit status, for execFile. */
  readonly code?: string | number | null;
  readonly stderr?: string;
}

/** The messages of `mv` in the C locale, in the words of strerror(3). */
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
  if (/option/.test(said)) return unsupported('the installed mv is older');
  if (/Invalid argument|not supported|not implemented/.test(said)) return unsupported(`the filesystem cannot: ${said}`);
  const code = codes.find(([words]) => words.test(said))?.[1] ?? 'EIO';
  return refusal(code, said === '' ? 'mv failed' : said);
}

function unsupported(why: string): Error {
  return refusal(
    'ENOTSUP',
    `two directories can be swapped only by renameat2(2), through "mv --exchange" of GNU coreutils 9.5 or later: ${why}. Make the path a symbolic link to the directory instead (mv NAME NAME.1 && ln -s NAME.1 NAME)`,
  );
}
