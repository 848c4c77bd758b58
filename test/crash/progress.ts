/** What the marks say: which versions of a target may be there, and which was promised. */
import { basename } from 'node:path';
import type { Operation, Target, Workload } from './workload.ts';

export interface Progress {
  /** Operations that had begun. */
  readonly begun: readonly Operation[];
  /** Of those, what was acknowledged. */
  readonly acknowledged: ReadonlySet<Operation>;
}

export function progressAt(workload: Workload, marks: readonly string[]): Progress {
  const operations = workload.groups.flat();
  const named = (verb: string): Operation[] =>
    marks
      .filter((mark) => mark.startsWith(`${verb} `))
      .map((mark) => operations[Number(mark.split(' ')[1])] as Operation);
  return { begun: named('begin'), acknowledged: new Set(named('acknowledge')) };
}

/** A file that may or must be there. */
export interface Expected {
  readonly path: string;
  readonly target: Target;
  /** Versions that may be there, with their sizes. */
  readonly versions: ReadonlyMap<number, number>;
  /** The least version that was promised; 0 where the file may be absent. */
  readonly promised: number;
  /** Whether it was there before: then it is so at any time. */
  readonly mustExist: boolean;
  readonly isBackup: boolean;
}

export function expectedFiles(workload: Workload, { begun, acknowledged }: Progress, oldSize: number): Expected[] {
  return workload.targets.flatMap((target) => {
    const own = begun.filter((operation) => operation.target === target);
    const versions = new Map(own.map(({ version, size }) => [version, size]));
    if (target.isOld) versions.set(1, oldSize);
    const promised = Math.max(
      target.isOld ? 1 : 0,
      ...own.filter((operation) => acknowledged.has(operation)).map(({ version }) => version),
    );
    const file = { path: target.path, target, versions, promised, mustExist: target.isOld, isBackup: false };
    return [file, ...backups(file, own)];
  });
}

/** `name~` holds the version before the one in place, or that one itself; `name.~N~` holds version N. */
function backups({ path, target, versions, promised }: Expected, own: readonly Operation[]): Expected[] {
  const backup = (name: string, possible: Expected['versions'], least: number): Expected => ({
    path: name,
    target,
    versions: possible,
    promised: least,
    mustExist: false,
    isBackup: true,
  });
  switch (own[0]?.feature) {
    case 'simple':
      return [backup(`${path}~`, versions, promised - 1)];
    case 'numbered':
      return own.map(({ version: next }) => {
        const version = next - 1;
        // Promised with the version that replaced it, until a later one may push it out.
        const isKept = promised === next && own.at(-1)?.version === next;
        return backup(
          `${path}.~${version}~`,
          new Map([...versions].filter(([one]) => one === version)),
          isKept ? version : 0,
        );
      });
    default:
      return [];
  }
}

/** The target whose name is in another file's name: then this is a temporary file of it. */
export function targetOf(workload: Workload, path: string): Target | undefined {
  return workload.targets.find((target) => basename(path).includes(basename(target.path)));
}
