/**
 * Shows that the recorded disk sees what the kernel sends: every write, every flush, and FUA as a write and a flush, in
 * order.
 */
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
const write = (block: number, conversion: string, how: string): void => {
  const options = [
    'if=/dev/zero',
    `of=${stand.device}`,
    'bs=4096',
    'count=1',
    `seek=${block}`,
    `conv=notrunc,nocreat${conversion}`,
    `oflag=${how}`,
  ];
  execFileSync('dd', options, { stdio: 'ignore' });
};
const say = (text: string): void => writeFileSync(mark, text, { flag: 'r+' });
say('start');
write(1, '', 'direct');
say('written');
write(2, ',fsync', 'direct');
say('synced');
write(3, '', 'direct,dsync');
await end();

const { entries, writes } = readLog(join(place, logName));
const seen = entries.map((entry) => {
  if (entry.kind === 'flush') return `flush of ${entry.covers}`;
  return entry.kind === 'mark' ? entry.text : 'write';
});
const fromStart = seen.slice(seen.indexOf('start') + 1);
const once = fromStart.filter((text, at) => text !== fromStart[at - 1]); // To close a device flushes it once more.
const expected = ['write', 'written', 'write', 'flush of 2', 'synced', 'write', 'flush of 3'];
assert.deepEqual(once, expected, `The disk saw: ${seen.join(', ')}`);
assert.deepEqual(
  writes.map(({ to }) => to / 4096),
  [1, 2, 3],
);
rmSync(place, { recursive: true });
