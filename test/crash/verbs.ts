/** Programs that copy, rename, remove, link and append: the built package, and node:fs, which syncs nothing. */
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Kind } from './check.ts';
import type { Durability, Feature, Subject, Write } from './subjects.ts';
import { folder, makeContent, type Operation, type Target } from './workload.ts';

export const verbFeatures: readonly Feature[] = ['copy', 'rename', 'remove', 'symlink', 'append'];

/** Where the files are that are copied, or renamed to their targets: below the root of the filesystem. */
export function sourceOf(target: Target, version: number): string {
  return join(folder, 'workshop', `source of ${basename(target.path)} ${version}`);
}

/** Whether what is renamed was there before, on the disk. If not, it is written right before, and not synced. */
export function isOldSource({ feature, version }: Operation): boolean {
  return feature === 'rename' && version % 2 === 1;
}

/** A line of a log. */
export function lineOf(target: Target, version: number, size: number): Buffer {
  return Buffer.from(`${makeContent(target, version, size).toString('hex')}\n`);
}

/** What a link leads to. */
export function textOf(target: Target, version: number): string {
  return `${basename(target.path)} of version ${version}`;
}

export function writeSource(root: string, { target, version }: Operation, content: Buffer): void {
  const source = join(root, sourceOf(target, version));
  mkdirSync(dirname(source), { recursive: true });
  writeFileSync(source, content);
  chmodSync(source, target.mode);
}

interface Verbs {
  copyFile(from: string, to: string): unknown;
  rename(from: string, to: string): unknown;
  remove(path: string): unknown;
  symlink(text: string, path: string): unknown;
  appendFile(path: string, line: Buffer): unknown;
}

function writing(verbs: Verbs): Write {
  return async (path, content, operation) => {
    const { feature, target, version, size } = operation;
    const root = path.slice(0, -target.path.length);
    const source = join(root, sourceOf(target, version));
    if (feature === 'copy' || (feature === 'rename' && !isOldSource(operation))) writeSource(root, operation, content);
    switch (feature) {
      case 'copy':
        return verbs.copyFile(source, path);
      case 'rename':
        return verbs.rename(source, path);
      case 'remove':
        return verbs.remove(path);
      case 'symlink':
        return verbs.symlink(textOf(target, version), path);
      default:
        return verbs.appendFile(path, lineOf(target, version, size));
    }
  };
}

async function load(durability: Durability): Promise<Write> {
  const untorn = await import('untorn');
  return writing({
    copyFile: (from, to) => untorn.copyFile(from, to, { durability }),
    rename: (from, to) => untorn.rename(from, to, { durability }),
    remove: (path) => untorn.remove(path, { durability }),
    symlink: (text, path) => untorn.symlink(text, path, { durability }),
    appendFile: (path, line) => untorn.appendFile(path, line, { durability }),
  });
}

const plain: Verbs = {
  copyFile: copyFileSync,
  rename: renameSync,
  remove: rmSync,
  symlink(text, path) {
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) rmSync(path);
    symlinkSync(text, path);
  },
  appendFile: appendFileSync,
};

export const verbs = 'untorn, verbs';
export const ownVerbs: Subject = { features: verbFeatures, load };

const caughtAs: readonly Kind[] = ['lost'];
export const verbControls: Record<string, Subject> = {
  'verbs of node:fs': { features: verbFeatures, caughtAs, load: async () => writing(plain) },
};
