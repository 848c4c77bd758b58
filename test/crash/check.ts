/** Looks at a filesystem as it is after a power cut, and says which guarantees were broken. */
import { existsSync, readdirSync, readFileSync, statSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { recoverSync, sweepSync } from 'untorn';
import { Examination } from './examination.ts';
import { expectedFiles, targetOf, type Expected, type Progress } from './progress.ts';
import type { Durability } from './subjects.ts';
import { claimedVersion, folder, makeContent, oldSize, pair, type Target } from './workload.ts';

/**
 * What a program can break.
 *
 * - `torn` (G2): neither a whole old nor a whole new content.
 * - `missing` (G1, G2): a file that was always there is not.
 * - `lost` (G3): an acknowledged version, or the backup that goes with it, is not there.
 * - `exposed` (G5): a content has wider permissions than the file that it is for.
 * - `metadata` (G6): the mode or owner is not the file's.
 * - `divided` (G9): after a recovery, one file of a transaction is new and another one old.
 * - `litter` (G10): more temporary files than writers, or one that a sweep does not find, or a lock that is not free.
 */
export const kinds = ['torn', 'missing', 'lost', 'exposed', 'metadata', 'divided', 'litter'] as const;
export type Kind = (typeof kinds)[number];

export interface Violation {
  readonly kind: Kind;
  readonly path: string;
  readonly detail: string;
}

export class Checker extends Examination {
  readonly #contents = new Map<string, Buffer>();

  check(root: string, progress: Progress): Violation[] {
    const divided = this.sweeps ? this.#recover(root) : [];
    const expected = expectedFiles(this.workload, progress, oldSize);
    const found = new Set(filesBelow(root));
    const others = new Set(found);
    for (const { path } of expected) others.delete(path);
    return [
      ...divided,
      ...expected.flatMap((file) =>
        found.has(file.path) ? this.#checkFile(root, file) : absent(file, this.durability),
      ),
      ...[...others].flatMap((path) => this.#checkOther(root, path)),
      ...(this.sweeps ? this.#checkLitter(root, [...others], progress) : []),
    ];
  }

  /** Recovers the transactions: their files then have one version. */
  #recover(root: string): Violation[] {
    const targets = this.workload.targets.filter(({ path }) =>
      pair.some((name) => path.startsWith(`${folder}/${name}/`)),
    );
    const left = targets.flatMap(({ path }) => recoverSync(dirname(join(root, path))).kept);
    const versions = new Set(targets.map((target) => claimedVersion(readFileSync(join(root, target.path)), target)));
    const kept = left.map(({ path, reason, error }): Violation => ({
      kind: 'litter',
      path: String(path),
      detail: `${reason} ${error?.message}`,
    }));
    return versions.size > 1
      ? [...kept, { kind: 'divided', path: pair.join(), detail: `versions ${[...versions].join()}` }]
      : kept;
  }

  #checkFile(root: string, { path, target, versions, promised }: Expected): Violation[] {
    const content = readFileSync(join(root, path));
    const status = statSync(join(root, path));
    const version = claimedVersion(content, target);
    const size = version === undefined ? undefined : versions.get(version);
    const violations: Violation[] = [];
    if (version === undefined || size === undefined || !content.equals(this.#content(target, version, size))) {
      violations.push({
        kind: 'torn',
        path,
        detail: `${content.length} bytes, version ${version} of ${[...versions.keys()].join()}`,
      });
    } else if (version < promised && this.durability === 'full') {
      violations.push({ kind: 'lost', path, detail: `version ${version}, promised ${promised}` });
    }
    if (isExposed(content, status, target)) violations.push({ kind: 'exposed', path, detail: describe(status) });
    else if ((status.mode & 0o7777) !== target.mode || status.uid !== target.uid || status.gid !== target.gid) {
      violations.push({ kind: 'metadata', path, detail: describe(status) });
    }
    return violations;
  }

  /** A temporary file, of any content. */
  #checkOther(root: string, path: string): Violation[] {
    const target = targetOf(this.workload, path);
    const status = statSync(join(root, path));
    if (target === undefined || !isExposed(readFileSync(join(root, path)), status, target)) return [];
    return [{ kind: 'exposed', path, detail: describe(status) }];
  }

  #checkLitter(root: string, others: readonly string[], { begun, acknowledged }: Progress): Violation[] {
    if (others.length === 0) return [];
    const { removed } = sweepSync(join(root, folder), { recursive: true, dryRun: true });
    const swept = new Set(removed.map(String));
    // All of a lock lies in its directory, also what waits for it. To free it is not synced: it may come back.
    const locks = others.filter((path) => lockOf(path) !== '');
    const isSwept = (path: string): boolean => swept.has(join(root, path)) || swept.has(join(root, lockOf(path)));
    const missed = others.filter((path) => !isSwept(path));
    // Without the sync of the directory the rename, or an unlink, of an acknowledged write may be undone.
    const writers = this.durability === 'full' ? begun.filter((operation) => !acknowledged.has(operation)) : begun;
    // A link to the old file on its way to be the backup is a second one.
    const allowed = writers.length + writers.filter(({ feature }) => feature === 'simple').length;
    const surplus =
      others.length - locks.length > allowed
        ? [`${others.join(', ')}: temporary files of ${writers.length} writers`]
        : [];
    return [
      ...missed.map((path) => ({ kind: 'litter' as const, path, detail: 'not swept' })),
      ...surplus.map((detail) => ({ kind: 'litter' as const, path: folder, detail })),
      ...[...new Set(locks.map(lockOf))].flatMap((lock) => this.#checkLock(root, lock)),
    ];
  }

  /** Whoever comes next has the lock at once. */
  #checkLock(root: string, path: string): Violation[] {
    const lock = join(root, path);
    const { kept } = recoverSync(dirname(lock));
    return existsSync(lock)
      ? [{ kind: 'litter', path, detail: `is not free: ${kept.map(({ reason }) => reason).join()}` }]
      : [];
  }

  #content(target: Target, version: number, size: number): Buffer {
    const key = `${target.path} ${version}`;
    const content = this.#contents.get(key) ?? makeContent(target, version, size);
    this.#contents.set(key, content);
    return content;
  }
}

/** The directory of the lock that something is part of; nothing if it is of none. */
function lockOf(path: string): string {
  return /^(.*?\.untorn-lock)(\/|$)/.exec(path)?.[1] ?? '';
}

function absent({ path, mustExist, promised }: Expected, durability: Durability): Violation[] {
  if (mustExist) return [{ kind: 'missing', path, detail: 'absent' }];
  return promised > 0 && durability === 'full' ? [{ kind: 'lost', path, detail: `absent, promised ${promised}` }] : [];
}

/** Whether others may read the content than may read the target. Zeroes and nothing tell nobody anything. */
function isExposed(content: Buffer, { mode, uid }: Stats, target: Target): boolean {
  const isWider = (mode & ~target.mode & 0o777) !== 0 || (uid !== target.uid && uid !== process.getuid?.());
  return isWider && content.some((byte) => byte !== 0);
}

function describe({ mode, uid, gid }: Stats): string {
  return `mode ${(mode & 0o7777).toString(8)} of ${uid}:${gid}`;
}

function filesBelow(root: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}
