// The section of the page that says why goals are not met. The prose is fixed; every figure is measured.
import { number } from './plot.js';
import { median } from './statistics.js';

/**
 * How many trips an awaited rewrite of 1 KiB makes one after another where that file was written a moment ago, on a
 * filesystem of the machine's own.
 */
const trips = 5;

const purposes = [
  [
    /^(l|f)?listxattr$/,
    'the attributes of the old and the new file: a lost or inherited ACL would open the file to others. The library asks twice each time',
  ],
  [/^open/, 'the directory, the old file (held, so that the rename need not free its blocks), the new file'],
  [/stat/, 'the existing file; whether the path still leads to that directory; the owner of the new file'],
  [/^f?chmod|chown/, 'mode and owner, if setting them at creation would show the content to users who may not see it'],
  [/^p?write/, 'the content'],
  [/sync$/, 'file and directory'],
  [/^rename|^link/, 'the replacement itself'],
  [/^close/, 'the opened files'],
];

const lines = (head, rows) =>
  [
    `| ${head.join(' | ')} |`,
    `|${head.map((_, index) => (index === 0 ? '---|' : '---:|')).join('')}`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n');
const code = (name) => (name.startsWith('node:') ? `\`${name}\`` : name);

/** Parts as rows, what they are parts of as columns. */
function table(title, columns) {
  const titles = Object.keys(columns);
  const parts = [...new Set(titles.flatMap((each) => Object.keys(columns[each])))];
  return lines(
    [title, ...titles],
    parts.map((part) => [
      part,
      ...titles.map((each) => (columns[each][part] === undefined ? '–' : number(columns[each][part]))),
    ]),
  );
}

/** A part of the section that is one column. */
const column = (heading, title, unit, parts, text, name = (part) => part) =>
  [
    `### ${heading}\n`,
    lines(
      [title, unit],
      Object.entries(parts).map(([part, value]) => [name(part), number(value)]),
    ),
    `${text}\n`,
  ].join('\n');

function rewritesPart({ trips: { trip, atOnce }, rewrites }, workloads) {
  const text = [
    '### Rewrites of 1 KiB\n',
    `A trip to another thread and back took ${number(trip)} µs in a loop that does nothing else; the same call made in this thread took ${number(atOnce)} µs. An awaited rewrite makes ${trips} trips one after another:
create, write, sync, rename, sync the directory. Between them every thread has gone to sleep, so that handing a call over wakes a processor: see the row.
The look and the metadata calls are made in this thread, if they wait for nothing. Making the others there too would block the event loop for as long as the disk takes.`,
  ];
  const rewrite = workloads.find(({ id }) => id === 'rewrite-full-async');
  if (rewrite !== undefined) {
    const perWrite = (median(rewrite.samples.C.map(({ ms }) => ms)) * 1000) / rewrite.count;
    text.push(
      `C needs ${number(perWrite)} µs for one rewrite; with ${trips} of the quickest trips and nothing else that is ${number((perWrite + trips * trip) / perWrite)} × C.`,
    );
  }
  return [
    `${text.join('\n')}\n`,
    table('µs of one rewrite, in process', rewrites),
    'A call in another thread counts from its handing over until JavaScript learns of its end; `handing over` is the part of that time in which JavaScript waits for the handing over.\n`JavaScript` is the time when no call is under way. Another thread closes the old file, concurrently with the next calls.\nThe tables of workloads have the longest time for which the event loop was blocked, measured alike for all: a process that waits for a processor is blocked too.\n',
  ].join('\n');
}

function buffersPart(buffers) {
  const largest = Object.keys(buffers).findLast((name) => name.endsWith('untorn'));
  const { total, JavaScript } = buffers[largest];
  return [
    '### Buffers\n',
    table('µs of one replacement, in process', buffers),
    `This is the first replacement of a file in a process. It runs JavaScript that V8 has not compiled yet, and examines a new file in another thread. The peer examines nothing, keeps nothing and syncs no directory.
${largest}: ${number((100 * JavaScript) / total)} % of the time is JavaScript; the rest is the system: copying, and the disk.\n`,
  ].join('\n');
}

function filesPart(files) {
  return [
    '### New files at once\n',
    table('1,000 new files of 1 KiB', files),
    'The difference is JavaScript, in code that has not run often yet, and two more calls for each file: whether it exists, and whether the path still leads to that directory. The calls of steno, which go through promises, are not counted here.\n',
  ].join('\n');
}

function streamsPart(streams) {
  return [
    '### Streams\n',
    table('', streams),
    'Several calls are under way at a time, each counted by itself. Data synced during the write is not left for the end. Then the writing takes the time, while the disk is busy.\nThe memory beyond that of `node:fs` is the code of the package, which is loaded before the first byte, and the data that waits during a write.\n',
  ].join('\n');
}

function jsonPart(parts) {
  const plain = parts['JSON.stringify()'];
  const rows = Object.entries(parts).map(([name, ms]) => [name, number(ms), number(ms / plain)]);
  return [
    '### JSON\n',
    lines(['10 MB', 'ms', '× JSON.stringify'], rows),
    'Nothing can be encoded or written before `JSON.stringify()` has returned, and it blocks the event loop while it runs.\n',
  ].join('\n');
}

function callsPart(calls) {
  const of = (api) =>
    calls.find(({ name, api: its, durability }) => name === 'untorn' && its === api && durability === 'full')?.names ??
    [];
  const count = (names, pattern) =>
    names.filter((name) => purposes.find(([each]) => each.test(name))?.[0] === pattern).length;
  const rows = purposes.map(([pattern, purpose]) => [
    purpose,
    count(of('write'), pattern),
    count(of('writeSync'), pattern),
  ]);
  return ['### System calls\n', lines(['of one durable rewrite that keeps mode 0640', 'async', 'sync'], rows)].join(
    '\n',
  );
}

/** The section of the page. */
export function profileSection({ profile: measured, profiledWith, calls, workloads }) {
  if (measured === undefined) return '';
  return [
    '## Where goals are not met\n',
    'In the table of goals, "the floor" is the ratio of C, which does no more than necessary, to the same contender. If it is above the goal, no program that does the same work can meet the goal on this machine.\n',
    ...(profiledWith === undefined ? [] : [`The figures of this section are of untorn ${profiledWith}.\n`]),
    rewritesPart(measured, workloads),
    buffersPart(measured.buffers),
    ...(measured.files === undefined ? [] : [filesPart(measured.files)]),
    column(
      'A thousand writes of one file at once',
      '',
      'ms',
      measured.burst,
      'Two writes reach the disk. The rest is a thousand calls that read and check their arguments, and a thousand promises, mostly in code that V8 still interprets.',
    ),
    streamsPart(measured.streams),
    jsonPart(measured.json),
    column(
      'The import',
      '',
      'ms',
      measured.import,
      'The code of a function is compiled at its first call, or at that of another function that shares it.',
      code,
    ),
    column(
      'The command',
      'whole processes',
      'ms',
      measured.command,
      'Each row does more than the one before: compiling the package; a first write, which runs code that V8 still interprets; the library of attributes; the syncs.',
    ),
    ...(calls.length > 0 ? [callsPart(calls)] : []),
  ].join('\n');
}
