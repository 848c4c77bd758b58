/** One program at work on one filesystem, whose disk is recorded. */
import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeImage, type Filesystem } from './filesystems.ts';
import { replaceDirectorySync } from 'untorn';
import { directoryFeatures, fill } from './directories.ts';
import { Stand } from './stand.ts';
import type { Durability, Feature } from './subjects.ts';
import { isOldSource, lineOf, textOf, writeSource } from './verbs.ts';
import { folder, makeContent, oldSize, pair, type Target, type Workload } from './workload.ts';

export interface Setup {
  /** Where all is: compiled programs, and peers. */
  readonly workshop: string;
  /** A folder of this run's own. */
  readonly place: string;
  readonly filesystem: Filesystem;
}

export const oldImage = 'old.img';
export const logName = 'log';

interface RecordedDisk {
  readonly stand: Stand;
  /** The file that takes marks. */
  readonly mark: string;
  readonly end: () => Promise<void>;
}

/** Starts disk.c over a copy of the image, and a loop device over that. */
export async function startDisk({ workshop, place, filesystem }: Setup): Promise<RecordedDisk> {
  const [served, mounted] = ['disk', 'recorded'].map((name) => join(place, name)) as [string, string];
  mkdirSync(served);
  mkdirSync(mounted);
  copyFileSync(join(place, oldImage), join(place, 'served.img'));
  const files = [served, join(place, 'served.img'), join(place, logName)];
  const disk = spawn(join(workshop, 'disk'), files, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(disk.stdout, 'data');
  const stand = await Stand.start(join(workshop, 'stand'), filesystem, mounted, join(served, 'disk'), true);
  const setting = (name: string): string => readFileSync(`/sys/block/${basename(stand.device)}/${name}`, 'utf8').trim();
  if (setting('loop/dio') !== '1' || setting('queue/write_cache') !== 'write back' || setting('queue/fua') !== '0') {
    throw new Error('The loop device does not pass every write and every flush on');
  }
  return {
    stand,
    mark: join(served, 'mark'),
    end: async () => {
      await stand.end();
      execFileSync('umount', [served]);
      if (disk.exitCode === null) await once(disk, 'exit');
    },
  };
}

/** An empty image with the old versions of the targets. */
async function makeOldImage(setup: Setup, workload: Workload): Promise<void> {
  const [image, mounted] = [join(setup.place, oldImage), join(setup.place, 'old')];
  makeImage(setup.filesystem, image);
  mkdirSync(mounted);
  const stand = await Stand.start(join(setup.workshop, 'stand'), setup.filesystem, mounted, image, false);
  await mount(stand);
  for (const path of ['background', ...['many', 'group', 'workshop', ...pair].map((name) => `${folder}/${name}`)])
    mkdirSync(join(mounted, path), { recursive: true });
  for (const target of workload.targets.filter(({ isOld }) => isOld))
    makeOld(mounted, target, featureOf(workload, target));
  for (const operation of workload.groups.flat().filter(isOldSource))
    writeSource(mounted, operation, makeContent(operation.target, operation.version, operation.size));
  await stand.unmount();
  await stand.end();
}

function featureOf({ groups }: Workload, target: Target): Feature | undefined {
  return groups.flat().find((operation) => operation.target === target)?.feature;
}

function makeOld(root: string, target: Target, feature: Feature | undefined): void {
  const path = join(root, target.path);
  const content = makeContent(target, 1, oldSize);
  if (feature === 'symlink') return symlinkSync(textOf(target, 1), path);
  if (feature === 'append') writeFileSync(path, lineOf(target, 1, oldSize));
  else if (feature === undefined || !directoryFeatures.includes(feature)) writeFileSync(path, content);
  else if (feature === 'exchange') fill(path, content);
  else replaceDirectorySync(path, (directory) => fill(directory, content));
  chownSync(path, target.uid, target.gid);
  chmodSync(path, target.mode);
}

async function mount(stand: Stand): Promise<void> {
  const answer = await stand.mount();
  if (answer !== 'ok') throw new Error(`Cannot mount: ${answer}`);
}

/** Leaves the old image and the log in the run's folder. */
export async function record(
  setup: Setup,
  subject: string,
  durability: Durability,
  workload: Workload,
  rounds: number,
): Promise<void> {
  await makeOldImage(setup, workload);
  const { stand, mark, end } = await startDisk(setup);
  await mount(stand);
  const start = (name: string, ...args: string[]): ChildProcess =>
    fork(new URL(name, import.meta.url), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const bystander = start('bystander.js', join(stand.directory, 'background'));
  const writer = start(
    'writer.js',
    subject,
    durability,
    join(setup.workshop, 'peers'),
    stand.directory,
    mark,
    String(rounds),
  );
  const [code] = (await once(writer, 'exit')) as [number | null];
  bystander.disconnect();
  await once(bystander, 'exit');
  await stand.unmount();
  await end();
  if (code !== 0) throw new Error(`The writer "${subject}" failed in ${dirname(stand.directory)}`);
}
