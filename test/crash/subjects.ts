/** The programs under test: the built package, controls that are wrong in one known way, and peers from npm. */
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Kind } from './check.ts';
import { directories, directoryControls, ownDirectories } from './directories.ts';
import { syncPath } from './sync-path.ts';
import { ownVerbs, verbControls, verbs } from './verbs.ts';
import { groupSize, type Operation } from './workload.ts';

/** What an operation asks of the program. */
export type Feature =
  | 'write'
  | 'mode'
  | 'sync'
  | 'update'
  | 'only'
  | 'parents'
  | 'simple'
  | 'numbered'
  | 'stream'
  | 'order'
  | 'together'
  | 'files'
  | 'link'
  | 'blocking link'
  | 'exchange'
  | 'ready'
  | 'copy'
  | 'rename'
  | 'remove'
  | 'symlink'
  | 'append';
export type Durability = 'full' | 'normal' | 'off';
export type Write = (path: string, content: Buffer, operation: Operation) => Promise<unknown>;

export interface Subject {
  readonly features: readonly Feature[];
  /** What must be seen of a control. */
  readonly caughtAs?: readonly Kind[];
  /** Where a control need not be seen: there the filesystem itself does what the program leaves out. */
  readonly hiddenOn?: readonly string[];
  load(durability: Durability, peers: string): Promise<Write>;
}

const plain: readonly Feature[] = ['write', 'mode'];

async function loadUntorn(durability: Durability): Promise<Write> {
  const { createWriteStream, transaction, updateFile, writeFile, writeFiles, writeFileSync } = await import('untorn');
  type Waiting = { path: string; content: Buffer; resolve: (done: Promise<unknown>) => void };
  const waiting: Waiting[] = [];
  const group: Waiting[] = [];
  return async (path, content, { feature, target, version }) => {
    const mode = version === 1 && feature === 'mode' ? { mode: target.mode } : {};
    switch (feature) {
      case 'sync':
        return writeFileSync(path, content, { durability });
      case 'update':
        return updateFile(path, () => content, { durability });
      case 'only':
        return writeFile(path, content, { durability, overwrite: false });
      case 'parents':
        return writeFile(path, content, { durability, makeParents: true });
      case 'together':
        // The second of two begins what both wait for.
        return new Promise((resolve) => {
          waiting.push({ path, content, resolve });
          if (waiting.length < 2) return;
          const both = waiting.splice(0);
          const done = transaction((tx) => void both.map((one) => tx.writeFile(one.path, one.content)), { durability });
          for (const one of both) one.resolve(done);
        });
      case 'files':
        // The last of a group begins what all wait for.
        return new Promise((resolve) => {
          group.push({ path, content, resolve });
          if (group.length < groupSize) return;
          const all = group.splice(0);
          const done = writeFiles(
            all.map((one) => ({ path: one.path, data: one.content })),
            { durability },
          );
          for (const one of all) one.resolve(done);
        });
      case 'simple':
        return writeFile(path, content, { durability, backup: 'simple' });
      case 'numbered':
        return writeFile(path, content, { durability, backup: { numbered: 2 } });
      case 'stream': {
        const stream = createWriteStream(path, { durability });
        return pipeline(Readable.from([content.subarray(0, 100), content.subarray(100)]), stream);
      }
      default:
        return writeFile(path, content, { durability, ...mode });
    }
  };
}

interface Flaw {
  inPlace?: true;
  noFileSync?: true;
  noDirectorySync?: true;
  modeLast?: true;
}

/** The right order of steps, but for one flaw. */
function control(flaw: Flaw, caughtAs: readonly Kind[], hiddenOn: readonly string[] = []): Subject {
  const operation: Write = async (path, content, { target }) => {
    const isNew = !existsSync(path);
    const temporary = flaw.inPlace ? path : `${path}.tmp`;
    const fd = openSync(temporary, flaw.inPlace && !isNew ? 'r+' : 'w', flaw.modeLast ? 0o644 : 0o600);
    for (const half of [content.subarray(0, content.length / 2), content.subarray(content.length / 2)]) {
      for (let at = 0; at < half.length;) at += writeSync(fd, half, at);
      if (flaw.inPlace) fsyncSync(fd); // As a journal may do at any moment, here so that it is seen every time.
    }
    if (flaw.inPlace) ftruncateSync(fd, content.length);
    const setMode = (name: string): void => {
      chownSync(name, target.uid, target.gid);
      chmodSync(name, target.mode);
    };
    if (!flaw.modeLast && (!flaw.inPlace || isNew)) setMode(temporary);
    if (!flaw.noFileSync) fsyncSync(fd);
    closeSync(fd);
    if (!flaw.inPlace) renameSync(temporary, path);
    if (!flaw.noDirectorySync) syncPath(dirname(path));
    if (flaw.modeLast) setMode(path);
    if (flaw.modeLast) syncPath(path);
  };
  return { features: plain, caughtAs, hiddenOn, load: async () => operation };
}

/** What the modules of the peers export; each has one of these. */
interface PeerModule {
  default: WriteWhole;
  writeFile: WriteWhole;
  Writer: new (path: string) => StenoWriter;
}

type Options = { mode?: number };
type WriteWhole = (path: string, content: Buffer, options: Options) => Promise<void>;
type WriteWithCallback = (path: string, content: Buffer, done: (error?: Error | null) => void) => void;
type StenoWriter = { write(content: Buffer): Promise<void> };

/** A peer's own function for writing a whole file, as its documentation calls it. */
function peer(name: string, adapt: (module: PeerModule) => Write): Subject {
  return {
    features: plain,
    async load(_, peers) {
      const { load } = (await import(pathToFileURL(`${peers}/load.mjs`).href)) as {
        load: (name: string) => Promise<PeerModule>;
      };
      return adapt(await load(name));
    },
  };
}

export const untorn = 'untorn';

/** This package, by what is done with it. */
export const own: Record<string, Subject> = {
  [untorn]: {
    features: [
      ...plain,
      'sync',
      'update',
      'only',
      'parents',
      'simple',
      'numbered',
      'stream',
      'order',
      'together',
      'files',
    ],
    load: loadUntorn,
  },
  [directories]: ownDirectories,
  [verbs]: ownVerbs,
};

export const fileControls: Record<string, Subject> = {
  'in-place write': control({ inPlace: true }, ['torn']),
  'no file sync': control({ noFileSync: true }, ['torn', 'lost']),
  'no directory sync': control({ noDirectorySync: true }, ['lost', 'missing']),
  'mode after the rename': control({ modeLast: true }, ['exposed']),
};

export const controls: Record<string, Subject> = { ...fileControls, ...directoryControls, ...verbControls };

/** Where one is given a mode, `mode` is passed; else each does what it does by default. */
export const peers: Record<string, Subject> = {
  'write-file-atomic': peer(
    'write-file-atomic',
    (module) => (path, content, operation) => module.default(path, content, modeOf(operation)),
  ),
  'atomically': peer(
    'atomically',
    (module) => (path, content, operation) => module.writeFile(path, content, modeOf(operation)),
  ),
  'steno': peer('steno', ({ Writer }) => {
    const writers = new Map<string, StenoWriter>();
    return (path, content) => {
      const writer = writers.get(path) ?? new Writer(path);
      writers.set(path, writer);
      return writer.write(content);
    };
  }),
  'fast-write-atomic': peer('fast-write-atomic', (module) => {
    const write = promisify(module.default as unknown as WriteWithCallback);
    return (path, content) => write(path, content);
  }),
};

function modeOf({ feature, target }: Operation): Options {
  return feature === 'mode' ? { mode: target.mode } : {};
}

/** Those of November 2026, whatever npm would choose for this Node. */
export const peerVersions: Record<string, string> = {
  'write-file-atomic': '8',
  'atomically': '2',
  'steno': '4',
  'fast-write-atomic': '0.4',
};

export const subjects: Record<string, Subject> = {
  ...own,
  ...controls,
  ...peers,
};
