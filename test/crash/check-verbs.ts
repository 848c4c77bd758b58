/** Looks at what was copied, renamed, removed, linked and appended, as it is after a power cut. */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { appendFileSync, recoverSync, sweepSync } from 'untorn';
import type { Kind, Violation } from './check.ts';
import { Examination } from './examination.ts';
import { expectedFiles, type Expected, type Progress } from './progress.ts';
import type { Feature } from './subjects.ts';
import { isOldSource, lineOf, sourceOf, textOf } from './verbs.ts';
import { claimedVersion, folder, makeContent, oldSize, type Operation, type Target } from './workload.ts';

/** What is under a name: a version, whole; nothing, which is version 0; or what is wrong with it. */
type Found = number | string;

type Says = (kind: Kind, detail: string, path?: string) => Violation[];

export class VerbChecker extends Examination {
  check(root: string, progress: Progress): Violation[] {
    const expected = expectedFiles(this.workload, progress, oldSize);
    return [
      ...(this.sweeps ? checkLitter(root) : []),
      ...expected.flatMap((one) => this.#checkOne(root, one, progress)),
    ];
  }

  #checkOne(root: string, expected: Expected, progress: Progress): Violation[] {
    const { path, target } = expected;
    const says: Says = (kind, detail, where = path) => [{ kind, path: where, detail }];
    const operations = this.workload.groups.flat().filter((operation) => operation.target === target);
    const feature = operations[0]?.feature as Feature;
    const status = lstatSync(join(root, path), { throwIfNoEntry: false });
    const wrong = status === undefined || feature === 'symlink' ? [] : metadata(status, target, says);
    switch (feature) {
      case 'copy':
        return [...wrong, ...this.#latest(wholeAt(root, path, expected), expected, says)];
      case 'symlink':
        return this.#latest(linkAt(root, expected), expected, says);
      case 'rename':
        return [...wrong, ...this.#renamed(root, expected, { operations, progress, says })];
      case 'remove':
        return this.#removed(wholeAt(root, path, expected), expected, says);
      default:
        return [...wrong, ...this.#appended(root, expected, says)];
    }
  }

  /** A version that may be there, and none before the promised one. */
  #latest(found: Found, { mustExist, promised }: Expected, says: Says): Violation[] {
    if (typeof found === 'string') return says('torn', found);
    if (found === 0 && mustExist) return says('missing', 'absent');
    const isLost = found < promised && this.durability === 'full';
    return isLost ? says('lost', `version ${found}, promised ${promised}`) : [];
  }

  /** Each file is under its old name or the new one, until a later one replaces it; and what is promised is renamed. */
  #renamed(
    root: string,
    expected: Expected,
    { operations, progress, says }: { operations: readonly Operation[]; progress: Progress; says: Says },
  ): Violation[] {
    const { path, target } = expected;
    const found = wholeAt(root, path, expected);
    if (typeof found === 'string') return says('torn', found);
    return [
      ...this.#latest(found, expected, says),
      ...operations.filter(isOldSource).flatMap((operation) => {
        const { version, size } = operation;
        const source = sourceOf(target, version);
        const at = wholeAt(root, source, { target, versions: new Map([[version, size]]) });
        if (typeof at === 'string') return says('torn', at, source);
        if (at === 0) return found < version ? says('missing', `neither here nor at ${path}`, source) : [];
        return this.durability === 'full' && progress.acknowledged.has(operation)
          ? says('lost', 'it has its old name', source)
          : [];
      }),
    ];
  }

  #removed(found: Found, { versions, promised }: Expected, says: Says): Violation[] {
    if (typeof found === 'string') return says('torn', found);
    const isBegun = versions.size > 1;
    if (found === 0) return isBegun ? [] : says('missing', 'absent');
    return promised > 1 && this.durability === 'full' ? says('lost', 'it is there again') : [];
  }

  /** All promised lines are there, also after the next one was appended. */
  #appended(root: string, { path, target, versions, promised }: Expected, says: Says): Violation[] {
    const at = join(root, path);
    if (!existsSync(at)) return says('missing', 'absent');
    const lines = [...versions].toSorted(([a], [b]) => a - b);
    const kept = this.durability === 'off' ? lines.slice(0, 1) : lines.filter(([version]) => version <= promised);
    const whole = Buffer.concat(kept.map(([version, size]) => lineOf(target, version, size)));
    const all = lines.reduce((sum, [version, size]) => sum + lineOf(target, version, size).length, 0);
    const before = readFileSync(at);
    if (!before.subarray(0, whole.length).equals(whole)) return says('lost', `${before.length} bytes of ${all}`);
    if (before.length > all) return says('torn', `${before.length} bytes, not ${all} at most`);
    if (!this.sweeps) return [];
    const next = Buffer.from('the line after the power cut\n');
    appendFileSync(at, next, { durability: 'off' });
    const after = readFileSync(at);
    const isRight =
      after.subarray(0, whole.length).equals(whole) &&
      after.subarray(-next.length - 1).equals(Buffer.concat([Buffer.from('\n'), next]));
    return isRight ? [] : says('torn', 'the next line is not one of its own');
  }
}

function metadata({ mode, uid, gid }: Stats, target: Target, says: Says): Violation[] {
  const isRight = (mode & 0o7777) === target.mode && uid === target.uid && gid === target.gid;
  return isRight ? [] : says('metadata', `mode ${(mode & 0o7777).toString(8)} of ${uid}:${gid}`);
}

function wholeAt(root: string, path: string, { target, versions }: Pick<Expected, 'target' | 'versions'>): Found {
  const at = join(root, path);
  if (!existsSync(at)) return 0;
  const content = readFileSync(at);
  const version = claimedVersion(content, target);
  const size = version === undefined ? undefined : versions.get(version);
  if (version === undefined || size === undefined || !content.equals(makeContent(target, version, size)))
    return `${content.length} bytes, version ${version} of ${[...versions.keys()].join()}`;
  return version;
}

function linkAt(root: string, { path, target, versions }: Expected): Found {
  const at = join(root, path);
  if (lstatSync(at, { throwIfNoEntry: false }) === undefined) return 0;
  const text = readlinkSync(at);
  return [...versions.keys()].find((version) => textOf(target, version) === text) ?? `it leads to "${text}"`;
}

/** All that has a name of the package can be swept, and a lock is free. */
function checkLitter(root: string): Violation[] {
  const { removed, recoverable } = sweepSync(join(root, folder), { recursive: true, dryRun: true });
  const told = [...removed, ...recoverable].map((path) => String(path).slice(root.length + 1));
  const left = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => path.includes('untorn-'));
  const missed = left.filter((path) => !told.some((one) => path === one || path.startsWith(`${one}/`)));
  const locks = left.filter((path) => path.endsWith('.untorn-lock'));
  for (const lock of locks) recoverSync(dirname(join(root, lock)));
  return [
    ...missed.map((path): Violation => ({ kind: 'litter', path, detail: 'not swept' })),
    ...locks
      .filter((lock) => existsSync(join(root, lock)))
      .map((path): Violation => ({ kind: 'litter', path, detail: 'is not free' })),
  ];
}
