/**
 * The process that writes, on a filesystem whose disk is being recorded. It marks what it begins and what was
 * acknowledged.
 */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { subjects, type Durability } from './subjects.ts';
import { makeContent, makeWorkload } from './workload.ts';

const [subjectName = '', durability, peersFolder = '', root = '', markPath = '', rounds] = process.argv.slice(2);
process.on('disconnect', () => process.exit(1));
process.umask(0o022);

const subject = subjects[subjectName];
if (subject === undefined) throw new Error(`no program "${subjectName}"`);
const write = await subject.load(durability as Durability, peersFolder);
const marks = openSync(markPath, 'r+');
const mark = (text: string): void => void writeSync(marks, text);

mark('start');
for (const group of makeWorkload(Number(rounds), subject.features).groups) {
  const contents = group.map((operation) => makeContent(operation.target, operation.version, operation.size));
  await Promise.all(
    group.map(async (operation, at) => {
      mark(`begin ${operation.id}`);
      await write(`${root}/${operation.target.path}`, contents[at] as Buffer, operation);
      mark(`acknowledge ${operation.id}`);
    }),
  );
  // Sometimes the journal gets time to commit in between.
  if (Math.random() < 0.3) await sleep(Math.random() * 8);
}
mark('end');
process.exit(0);
