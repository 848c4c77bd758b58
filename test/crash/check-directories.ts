/** Looks at whole directories as they are after a power cut, and says which guarantees were broken. */
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sweepSync } from 'untorn';
import type { Violation } from './check.ts';
import { leaves } from './directories.ts';
import { Examination } from './examination.ts';
import { expectedFiles, type Expected, type Progress } from './progress.ts';
import { claimedVersion, folder, makeContent, oldSize } from './workload.ts';

export class DirectoryChecker extends Examination {
  check(root: string, progress: Progress): Violation[] {
    const expected = expectedFiles(this.workload, progress, oldSize);
    return [
      ...expected.flatMap((one) => this.#checkOne(root, one)),
      ...(this.sweeps ? this.#checkOthers(root, expected) : []),
    ];
  }

  #checkOne(root: string, expected: Expected): Violation[] {
    const { path, target, promised, mustExist } = expected;
    const at = join(root, path);
    if (lstatSync(at, { throwIfNoEntry: false }) === undefined) {
      if (mustExist) return [{ kind: 'missing', path, detail: 'absent' }];
      return promised > 0 && this.durability === 'full'
        ? [{ kind: 'lost', path, detail: `absent, promised ${promised}` }]
        : [];
    }
    const version = versionIn(at, expected);
    if (typeof version === 'string') return [{ kind: 'torn', path, detail: version }];
    if (version < promised && this.durability === 'full')
      return [{ kind: 'lost', path, detail: `version ${version}, promised ${promised}` }];
    const { mode, uid, gid } = statSync(at);
    const right = (mode & 0o7777) === target.mode && uid === target.uid && gid === target.gid;
    return right ? [] : [{ kind: 'metadata', path, detail: `mode ${(mode & 0o7777).toString(8)} of ${uid}:${gid}` }];
  }

  /** Every other name is one that a sweep removes, or tells of; and what has the name of a version is whole. */
  #checkOthers(root: string, expected: readonly Expected[]): Violation[] {
    const { removed, recoverable, kept } = sweepSync(join(root, folder), { dryRun: true });
    // The first versions are this very process's.
    const own = kept.filter(({ reason }) => reason === 'alive').map((one) => one.path);
    const told = new Set([...removed, ...recoverable, ...own].map(String));
    const led = new Set(expected.map(({ path }) => statSync(join(root, path), { throwIfNoEntry: false })?.ino));
    return readdirSync(join(root, folder))
      .filter((name) => name.includes('untorn-'))
      .flatMap((name): Violation[] => {
        const path = join(folder, name);
        if (led.has(lstatSync(join(root, path)).ino)) return [];
        if (!told.has(join(root, path))) return [{ kind: 'litter', path, detail: 'not swept' }];
        const whose = expected.find((one) => name.startsWith(`.${one.path.slice(folder.length + 1)}.untorn-v-`));
        const version = whose === undefined ? 0 : versionIn(join(root, path), whose);
        return typeof version === 'string' ? [{ kind: 'torn', path, detail: version }] : [];
      });
  }
}

/** Which version a directory is, whole; or what is wrong with it. */
function versionIn(at: string, { target, versions }: Expected): number | string {
  if (!existsSync(at)) return 'a link to nothing';
  const found = leaves.map((name) => (existsSync(join(at, name)) ? readFileSync(join(at, name)) : undefined));
  const version = found[0] === undefined ? undefined : claimedVersion(found[0], target);
  const size = version === undefined ? undefined : versions.get(version);
  if (version === undefined || size === undefined)
    return `version ${version} of ${[...versions.keys()].join()}: ${found.map((one) => one?.length).join()} bytes`;
  const content = makeContent(target, version, size);
  const wrong = leaves.filter((_, index) => found[index]?.equals(content) !== true);
  return wrong.length > 0 ? `version ${version}, but for ${wrong.join()}` : version;
}
