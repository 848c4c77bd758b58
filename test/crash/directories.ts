/** Programs that replace whole directories: the built package, and controls that are wrong in one known way. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Kind } from './check.ts';
import type { Durability, Feature, Subject, Write } from './subjects.ts';
import { syncPath } from './sync-path.ts';

/** The files of a directory: each holds the content of its version. */
export const leaves = ['first', 'below/second', 'below/deeper/third'] as const;

export function fill(directory: string, content: Buffer): void {
  mkdirSync(join(directory, 'below', 'deeper'), { recursive: true });
  for (const name of leaves) writeFileSync(join(directory, name), content);
}

export const directoryFeatures: readonly Feature[] = ['link', 'blocking link', 'exchange', 'ready'];

async function load(durability: Durability): Promise<Write> {
  const { replaceDirectory, replaceDirectorySync } = await import('untorn');
  return async (path, content, { feature, version }) => {
    const filling = (directory: string): void => fill(directory, content);
    if (feature === 'blocking link') return replaceDirectorySync(path, filling, { durability });
    if (feature !== 'ready')
      return replaceDirectory(path, filling, { durability, keepOld: feature === 'link' && version % 4 === 0 });
    // Made in another directory, and not synced.
    const next = join(dirname(path), 'workshop', `${basename(path)}-${version}`);
    fill(next, content);
    chmodSync(next, 0o755);
    return replaceDirectory(path, next, { durability });
  };
}

interface Flaw {
  filledLast?: true;
  noFileSync?: true;
  noSwitchSync?: true;
  inPlace?: true;
}

/** The right order of steps, but for one flaw. */
function control(flaw: Flaw, caughtAs: readonly Kind[]): Subject {
  const operation: Write = async (path, content, { version }) => {
    const above = dirname(path);
    const name = `.${basename(path)}-${version}`;
    const fresh = join(above, name);
    const old = existsSync(path) ? join(above, readlinkSync(path)) : undefined;
    if (flaw.inPlace && old !== undefined) {
      rmSync(old, { recursive: true });
      syncPath(above); // As a journal may do at any moment, here so that it is seen every time.
      fill(old, content);
      syncTree(old);
      return;
    }
    mkdirSync(fresh);
    if (!flaw.filledLast) fill(fresh, content);
    if (!flaw.noFileSync) syncTree(fresh);
    syncPath(above);
    symlinkSync(name, `${fresh}.link`);
    renameSync(`${fresh}.link`, path);
    if (!flaw.noSwitchSync) syncPath(above);
    if (flaw.filledLast) {
      fill(fresh, content);
      syncTree(fresh);
    }
    if (old !== undefined && !flaw.noSwitchSync) rmSync(old, { recursive: true });
  };
  return { features: ['link'], caughtAs, load: async () => operation };
}

function syncTree(path: string): void {
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true }))
    syncPath(join(entry.parentPath, entry.name));
  syncPath(path);
}

export const directories = 'untorn, directories';
export const ownDirectories: Subject = { features: directoryFeatures, load };

export const directoryControls: Record<string, Subject> = {
  'directory in place': control({ inPlace: true }, ['torn']),
  'directory without file syncs': control({ noFileSync: true }, ['torn']),
  'directory without a sync of the switch': control({ noSwitchSync: true }, ['lost', 'missing']),
  'directory filled after the switch': control({ filledLast: true }, ['torn']),
};
