/** What the program under test is made to write, the same for the process that writes and for the one that checks. */
import { createCipheriv, createHash } from 'node:crypto';
import type { Feature } from './subjects.ts';

export interface Target {
  /** Below the root of the filesystem. No target's name is part of another's. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whether it is there, as version 1, before anything is recorded. */
  readonly isOld: boolean;
}

export interface Operation {
  readonly id: number;
  readonly target: Target;
  readonly version: number;
  readonly size: number;
  readonly feature: Feature;
}

export interface Workload {
  readonly targets: readonly Target[];
  /** One group after the other; the operations of a group at once. */
  readonly groups: readonly (readonly Operation[])[];
}

const sizes = [70_000, 1_048_576, 1024, 4096];
export const oldSize = 2000;
export const folder = 'data';
/** So many files that one sync of the filesystem makes all of them durable. */
export const groupSize = 33;
/** The directories of files that are always changed together. */
export const pair = ['left', 'right'] as const;

/** As many rounds as asked for of all that the program can do. */
export function makeWorkload(rounds: number, features: readonly Feature[]): Workload {
  const targets = new Map<string, Target>();
  const versions = new Map<string, number>();
  const groups: Operation[][] = [];
  let id = 0;

  function operation(
    feature: Feature,
    name: string,
    size: number,
    isOld = false,
    mode = 0o644,
    owner = 0,
  ): Operation[] {
    if (!features.includes(feature)) return [];
    const path = `${folder}/${name}`;
    const target = targets.get(path) ?? { path, mode, uid: owner, gid: owner, isOld };
    targets.set(path, target);
    const version = (versions.get(path) ?? (isOld ? 1 : 0)) + 1;
    versions.set(path, version);
    return [{ id: id++, target, version, size, feature }];
  }

  for (let round = 0; round < rounds; round++) {
    const size = sizes[round % sizes.length] as number;
    groups.push(
      operation('write', 'settings', size, true),
      operation('write', 'secret', 1500 + round, true, 0o600, 1000),
      operation('write', `fresh-${round}-`, size),
      operation('mode', `hidden-${round}-`, 3000, false, 0o600),
      operation('sync', 'blocking', 2048, true, 0o640),
      operation('update', 'counted', size, true, 0o640),
      operation('only', `once-${round}-`, 4096),
      operation('parents', `made-${round}-/below/leaf-${round}-`, 1024),
      operation('simple', 'kept', 6000, true, 0o600),
      operation('numbered', 'numbered', 1024, true),
      operation('stream', 'streamed', size, true),
      [
        ...operation('together', 'left/uppermost', 3000, true),
        ...operation('together', 'right/lowermost', 5000, true, 0o600),
      ],
      round > 0
        ? []
        : Array.from({ length: groupSize }, (_, at) =>
            operation('files', `group/member-${String(at).padStart(2, '0')}-`, 600 + at, at % 3 === 0),
          ).flat(),
      ['north', 'east', 'south', 'west'].flatMap((name, at) => operation('write', `many/${name}`, 1024 << at, true)),
      [...operation('order', 'hurried', 1024, true), ...operation('order', 'hurried', 2048, true)],
      [...operation('order', 'overtaken', 9000, true), ...operation('sync', 'overtaken', 2048, true)],
      operation('link', 'site', size, true, 0o755),
      operation('link', `page-${round}-`, 2048, false, 0o755),
      operation('blocking link', 'library', 3000, true, 0o755),
      operation('ready', 'release', size, true, 0o755),
      operation('exchange', 'shop', 6000, true, 0o750, 1000),
      [
        ...operation('link', 'upstairs', 1024, true, 0o755),
        ...operation('link', 'downstairs', 70_000, true, 0o755),
        ...operation('exchange', 'cellar', 2048, true, 0o755),
      ],
      operation('copy', 'copied', size, true, 0o640),
      operation('copy', `copy-${round}-`, 3000, false, 0o600),
      operation('rename', 'moved', size, true),
      operation('rename', `renamed-${round}-`, 5000, false, 0o640),
      operation('remove', `removed-${round}-`, oldSize, true, 0o600),
      operation('symlink', 'pointer', 1024, true),
      operation('append', 'journal', 200 + 700 * round, true, 0o640),
      operation('append', 'journal', 6000, true, 0o640),
      [
        ...operation('copy', 'north-copied', 1024, true),
        ...operation('rename', 'west-moved', 70_000, true, 0o600),
        ...operation('remove', `removed-too-${round}-`, oldSize, true),
        ...operation('symlink', `pointer-${round}-`, 1024),
        ...operation('append', 'diary', 3000, true, 0o600),
      ],
    );
  }
  return { targets: [...targets.values()], groups: groups.filter((group) => group.length > 0) };
}

/** A content that says what it is; the rest of it is noise, of which no byte can be lost or exchanged unnoticed. */
export function makeContent(target: Target, version: number, size: number): Buffer {
  const head = Buffer.from(`untorn ${target.path} ${version}\n`);
  const key = createHash('sha256').update(head).digest();
  const noise = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16)).update(
    Buffer.alloc(size - head.length),
  );
  return Buffer.concat([head, noise]);
}

export function claimedVersion(content: Buffer, target: Target): number | undefined {
  const [, path, version] = /^untorn (\S+) (\d+)\n/.exec(content.subarray(0, 200).toString('latin1')) ?? [];
  return path === target.path ? Number(version) : undefined;
}
