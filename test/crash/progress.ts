/** What the marks say: which versions of a target may be there, and which was promised. */
import { folder, type Operation, type Target, type Workload } from './workload.ts';

export interface Progress {
  /** Operations that had begun. */
  readonly begun: readonly Operation[];
  /** Of those, what was acknowledged. */
  readonly acknowledged: ReadonlySet<Operation>;
}

export function progressAt(workload: Workload, marks: readonly string[]): Progress {
  const operations = workload.groups.flat();
  const named = (verb: string): Operation[] =>
    marks.filter((mark) => mark.startsWith(`${verb} `)).map((mark) => operations[Number(mark.split(' ')[1])] as Operation);
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
    const promised = Math.max(target.isOld ? 1 : 0, ...own.filter((operation) => acknowledged.has(operation)).map(({ version }) => version));
    const file = { path: target.path, target, versions, promised, mustExist: target.isOld, isBackup: false };
    return [file, ...backups(file, own)];
  });
}

/** `name~` holds the version before the one in place, or that one itself; `name.~N~` holds version N. */
function backups(file: Expected, own: readonly Operation[]): Expected[] {
  const { path, versions, promised } = file;
  const backup = { ...file, isBackup: true, mustExist: false };
  switch (own[0]?.feature) {
    case 'simple':
      return [{ ...backup, path: `${path}~`, promised: promised - 1 }];
    case 'numbered':
      return [...versions]
        .filter(([version]) => own.some((operation) => operation.version === version + 1))
        .map(([version, size]) => {
          // Of the last two, the newest is promised with the version that replaced it, until it may go.
          const isKept = promised === version + 1 && own.at(-1)?.version === promised;
          return { ...backup, path: `${path}.~${version}~`, versions: new Map([[version, size]]), promised: isKept ? version : 0 };
        });
    default:
      return [];
  }
}

/** The target whose name is in another file's name: then this is a temporary file of it. */
export function targetOf(workload: Workload, path: string): Target | undefined {
  const name = path.slice(folder.length);
  return workload.targets.find((target) => name.includes(target.path.slice(target.path.lastIndexOf('/') + 1)));
}
