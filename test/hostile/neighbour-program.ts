/** The neighbour: a program of a user who can write the shared directory, and does there what he may. */
import { spawnSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const deeds = {
  move: (from: string, to: string) => renameSync(from, to),
  link: (target: string, path: string) => symlinkSync(target, path),
  hardLink: (existing: string, path: string) => linkSync(existing, path),
  directory: (path: string, ...names: string[]) => {
    mkdirSync(path);
    for (const name of names) writeFileSync(join(path, name), 'bait');
  },
  file: (path: string, content: string) => writeFileSync(path, content, { flag: 'wx' }),
  /** A file that is nearly all hole. */
  sparse(path: string, size: string) {
    writeFileSync(path, '');
    truncateSync(path, Number(size));
  },
  /** As if nobody had changed it for long. */
  age: (path: string) => utimesSync(path, new Date('2001-01-01'), new Date('2001-01-01')),
  /** Makes one that is there as large, with what it has at its beginning. */
  grow: (path: string, size: string) => truncateSync(path, Number(size)),
  put: (path: string, content: string) => writeFileSync(path, content),
  fifo(path: string) {
    const { status, stderr } = spawnSync('mkfifo', [path], { encoding: 'utf8' });
    if (status !== 0) throw Object.assign(new Error(stderr), { code: 'EEXIST' });
  },
  remove: (path: string) => rmSync(path, { recursive: true }),
  /** Puts files with certain names into every directory of his own below one, as far as he can. */
  stuff(folder: string, ...names: string[]) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const { uid, mode } = lstatSync(path);
      if (!entry.isDirectory() || uid !== process.geteuid?.() || (mode & 0o300) !== 0o300) continue;
      const there = new Set(readdirSync(path));
      for (const name of names) if (!there.has(name)) writeFileSync(join(path, name), 'bait');
    }
  },
} satisfies Record<string, (...args: string[]) => void>;

export type Deed = readonly [keyof typeof deeds, ...string[]];

/** Does one thing after the other until one fails; says with which error. */
function perform(all: readonly Deed[]): string {
  for (const [name, ...args] of all) {
    try {
      (deeds[name] as (...given: string[]) => void)(...args);
    } catch (error) {
      return `${name}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
    }
  }
  return '';
}

// What is shared stays so.
process.umask(0);
createInterface(process.stdin).on('line', (line) =>
  process.stdout.write(`${JSON.stringify(perform(JSON.parse(line) as Deed[]))}\n`),
);
