/** A filesystem that misbehaves on command; README.md tells how it is used. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { afterwards } from '../support/afterwards.ts';
import { newFolder } from '../support/folder.ts';
import { environment, needsRoot, needsTools } from '../support/needs.ts';
import { run } from '../support/run.ts';

/**
 * The calls that can be spoiled. A program's open(2) is a lookup of each name in the path, then an open or a create.
 */
export type OddCall =
  | 'lookup'
  | 'stat'
  | 'open'
  | 'create'
  | 'read'
  | 'write'
  | 'fsync'
  | 'close'
  | 'truncate'
  | 'chmod'
  | 'chown'
  | 'utimens'
  | 'opendir'
  | 'readdir'
  | 'fsyncdir'
  | 'mkdir'
  | 'rmdir'
  | 'unlink'
  | 'rename'
  | 'link'
  | 'symlink'
  | 'readlink'
  | 'mknod'
  | 'statfs'
  | 'setxattr'
  | 'getxattr'
  | 'listxattr'
  | 'removexattr';

/** Of which calls something is said. */
export interface Which {
  readonly call: OddCall;
  /**
   * Matches the path within the filesystem, as `/file`: of a rename and a link either path, of attributes also their
   * names.
   */
  readonly path?: RegExp;
}

export interface Rule extends Which {
  /** The first of these calls that is spoiled. @default 1 */
  readonly nth?: number;
  /** How many are spoiled. @default 1 */
  readonly times?: number;
  /** Counts only once such a call has been made. */
  readonly since?: Which;
  /** What is answered. Undefined: success, and nothing is done. */
  readonly error?: keyof typeof constants.errno;
  /** Whether the call is performed all the same. @default false */
  readonly after?: boolean;
  /** Whether a rename that is not performed removes what is under the new name. @default false */
  readonly removes?: boolean;
  /** What listxattr and getxattr answer instead of what is there. */
  readonly data?: Uint8Array;
}

/** How all of the filesystem differs from the one below. */
export interface Traits {
  /** The longest name, in bytes. */
  readonly nameMax?: number;
  /** By how many seconds its clock is behind. */
  readonly lag?: number;
  /** Times are multiples of so many seconds. */
  readonly grain?: number;
  /** Inode numbers are made of the path: a rename and a link change them. */
  readonly pathInodes?: boolean;
  readonly ignoreCase?: boolean;
  /** How many answers tell the size of a file wrongly that was linked. */
  readonly wrongSize?: number;
  /** Whether a rename rounds the time of what it moves to seconds. */
  readonly rounding?: boolean;
  /** Whether no name is renamed over another (EPERM). */
  readonly noReplacing?: boolean;
  /** What every regular file seems to have, whatever is set. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** What the list of mounts says of it. */
export interface ShownAs {
  /** As `fuse.sshfs`. @default 'fuse' */
  readonly type?: string;
  readonly source?: string;
}

export interface OddFilesystem {
  /** A directory in it that everybody may write. */
  readonly folder: string;
  /** The same directory without the oddities, as another machine sees it. */
  readonly below: string;
  /** Makes calls go wrong. */
  fail(rule: Rule): void;
  set(traits: Traits): void;
  /** Takes all rules back, and the list of calls. */
  forget(): void;
  /** The calls that were made of one kind: their paths. */
  calls(call: OddCall): string[];
}

const sources = fileURLToPath(new URL('../../../test/odd/', import.meta.url));
const program = fileURLToPath(new URL('odd', import.meta.url));

/** Compiles it, once for all tests. */
function compile(): void {
  if (existsSync(program)) return;
  const own = `${program}-${process.pid}`;
  run('cc', '-O1', '-Wall', '-Wextra', '-Werror', '-Wno-format-truncation', '-o', own, join(sources, 'odd.c'));
  renameSync(own, program);
}

/** Mounts it; undefined, and the test skipped, where that cannot be. */
export async function mountOdd(
  t: TestContext,
  traits: Traits = {},
  shownAs: ShownAs = {},
): Promise<OddFilesystem | undefined> {
  if (process.platform !== 'linux') t.skip('needs Linux');
  else if (!existsSync('/dev/fuse')) t.skip('needs /dev/fuse');
  else if (needsRoot(t) && needsTools(t, 'cc', 'umount')) return mount(t, traits, shownAs);
  return undefined;
}

async function mount(
  t: TestContext,
  traits: Traits,
  { type = 'fuse', source = 'odd' }: ShownAs,
): Promise<OddFilesystem | undefined> {
  compile();
  const base = newFolder(t);
  const [point, lower] = ['mounted', 'below'].map((name) => join(base, name)) as [string, string];
  for (const made of [point, lower]) mkdirSync(made);
  const server = spawn(program, [point, lower, type, source], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  server.stderr.on('data', (some: Buffer) => (complaint += some.toString()));
  const ready = await Promise.race([
    once(server.stdout, 'data').then(() => true),
    once(server, 'exit').then(() => false),
  ]);
  if (!ready) {
    t.skip(`cannot mount: ${complaint.trim()}`);
    return undefined;
  }
  afterwards(t, () => {
    spawnSync('umount', ['-l', point], { env: environment });
    server.kill('SIGKILL');
  });
  return new Mounted(join(point, '.odd-control'), point, lower, traits);
}

class Mounted implements OddFilesystem {
  readonly folder: string;
  readonly below: string;
  readonly #control: string;

  constructor(control: string, point: string, lower: string, traits: Traits) {
    this.#control = control;
    this.folder = join(point, 'folder');
    this.below = join(lower, 'folder');
    mkdirSync(this.folder, { mode: 0o777 });
    run('chmod', '777', this.folder);
    this.set(traits);
    this.forget();
  }

  #tell(command: string, fields: Record<string, unknown>): void {
    const words = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`);
    writeFileSync(this.#control, [command, ...words].join(' '), { flag: 'r+' });
  }

  fail({ call, path = /^/, nth, times, since, error, after, removes, data }: Rule): void {
    const asked = { call, path: path.source, nth, times: times === Infinity ? 2 ** 31 : times };
    const begins = since && { since_call: since.call, since_path: (since.path ?? /^/).source };
    this.#tell('fail', {
      ...asked,
      ...begins,
      error: error && constants.errno[error],
      after: after && 1,
      removes: removes && 1,
      data: data && Buffer.from(data).toString('hex'),
    });
  }

  set(traits: Traits): void {
    this.#tell('trait', Object.fromEntries(Object.entries(traits).map(([name, value]) => [name, Number(value)])));
  }

  forget(): void {
    this.#tell('forget', {});
  }

  calls(call: OddCall): string[] {
    const lines = readFileSync(this.#control, 'utf8').split('\n');
    return lines.filter((line) => line.startsWith(`${call} `)).map((line) => line.slice(call.length + 1));
  }
}
