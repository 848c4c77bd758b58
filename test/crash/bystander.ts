/**
 * A process that syncs files of its own: so that the journal commits, and the cache is written, at any moment of the
 * writer's.
 */
import { spawn } from 'node:child_process';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const folder = process.argv[2] as string;
for (let round = 0; process.connected; round++) {
  const fd = openSync(`${folder}/file-${round % 7}`, 'w');
  writeSync(fd, Buffer.alloc(100 + (round % 5) * 3000, round));
  fsyncSync(fd);
  closeSync(fd);
  if (round % 10 === 9) {
    await new Promise((resolve) => spawn('sync', ['--file-system', folder]).once('exit', resolve));
  }
  await sleep(Math.random() * 12);
}
