/** Shows that the recorded disk sees what the kernel sends: every write, every flush, and FUA as a write and a flush, in order. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesystems, type Filesystem } from './filesystems.ts';
import { readLog } from './recording-log.ts';
import { logName, oldImage, startDisk } from './recording.ts';

const workshop = process.argv[2] as string;
const place = join(workshop, 'disk-check');
mkdirSync(place);
writeFileSync(join(place, oldImage), '');
truncateSync(join(place, oldImage), 2 ** 20);

const { stand, mark, end } = await startDisk({ workshop, place, filesystem: filesystems['ext4'] as Filesystem });
const write = (block: number, ...flags: string[]): void =>
  void execFileSync('dd', ['if=/dev/zero', `of=${stand.device}`, 'bs=4096', 'count=1', `seek=${block}`, 'conv=notrunc,nocreat', ...flags], { stdio: 'ignore' });
writeFileSync(mark, 'start', { flag: 'r+' });
write(1, 'oflag=direct');
writeFileSync(mark, 'written', { flag: 'r+' });
execFileSync('dd', ['if=/dev/zero', `of=${stand.device}`, 'bs=4096', 'count=1', 'seek=2', 'conv=notrunc,nocreat,fsync', 'oflag=direct'], { stdio: 'ignore' });
writeFileSync(mark, 'synced', { flag: 'r+' });
write(3, 'oflag=direct,dsync');
await end();

const { entries, writes } = readLog(join(place, logName));
const seen = entries.map((entry) => (entry.kind === 'flush' ? `flush of ${entry.covers}` : entry.kind === 'mark' ? entry.text : 'write'));
const fromStart = seen.slice(seen.indexOf('start') + 1);
const once = fromStart.filter((text, at) => text !== fromStart[at - 1]); // To close a device flushes it once more.
assert.deepEqual(once, ['write', 'written', 'write', 'flush of 2', 'synced', 'write', 'flush of 3'], `The disk saw: ${seen.join(', ')}`);
assert.deepEqual(writes.map(({ to }) => to / 4096), [1, 2, 3]);
rmSync(place, { recursive: true });
