// Why some goals cannot be met: what a trip between threads takes, what a rewrite, the import and JSON are made of, what calls are for.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { number } from './plot.js';
import { median } from './statistics.js';
import { moduleUrl } from './peers.js';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const rounds = 5;
const parts = ['node:util', 'node:fs', 'node:stream', 'node:url', 'node:buffer'];

const rewrites = [['write', 'full'], ['write', 'off'], ['writeSync', 'full'], ['writeSync', 'off']];
const titleOf = ([api, durability]) => `${api === 'write' ? 'async' : 'sync'}, \`'${durability}'\``;

/** @param {string} base where files can be made @returns {object} medians of fresh processes */
export function profile(base) {
  const folder = mkdtempSync(join(base, 'profile-'));
  try {
    return profileIn(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function profileIn(folder) {
  const run = (program, args = []) => Array.from({ length: rounds }, () => JSON.parse(execFileSync(process.execPath, [here(program), ...args], { encoding: 'utf8' })));
  const medians = (samples) => Object.fromEntries(Object.keys(samples[0]).map((name) => [name, median(samples.map((sample) => sample[name]))]));
  return {
    trips: medians(run('trip.js')),
    rewrites: Object.fromEntries(rewrites.map((way) => [titleOf(way), medians(run('rewrite-parts.js', [moduleUrl('untorn'), ...way, folder]))])),
    json: medians(run('json-parts.js', [folder])),
    import: medians(run('import-parts.js', [moduleUrl('untorn'), ...parts])),
  };
}

/** How many trips an awaited rewrite of 1 KiB makes one after another, on a filesystem of the machine's own. */
const trips = 5;

const purposes = [
  [/^(l|f)?listxattr$/, 'which attributes the old and the new file have: an ACL that is lost or inherited would open the file to others. The library asks twice each time'],
  [/^open/, 'the directory, the old file (held, so that the rename need not free its blocks), the new file'],
  [/stat/, 'what is there; whether the path still leads to that directory; who owns the new file'],
  [/^f?chmod|chown/, 'mode and owner, where they cannot be given at creation without showing the content to more than may see it'],
  [/^p?write/, 'the content; in an asynchronous call with its sync'],
  [/sync$/, 'file and directory'],
  [/^rename|^link/, 'the moment of truth'],
  [/^close/, 'what was opened'],
];

const table = (head, rows) => [`| ${head.join(' | ')} |`, `|${head.map((_, index) => (index === 0 ? '---|' : '---:|')).join('')}`, ...rows.map((row) => `| ${row.join(' | ')} |`), ''].join('\n');

function callsPart(calls) {
  const of = (api) => calls.find(({ name, api: its, durability }) => name === 'untorn' && its === api && durability === 'full')?.names ?? [];
  const count = (names, pattern) => names.filter((name) => purposes.find(([each]) => each.test(name))?.[0] === pattern).length;
  const rows = purposes.map(([pattern, purpose]) => [purpose, count(of('write'), pattern), count(of('writeSync'), pattern)]);
  return table(['calls of one durable rewrite that keeps mode 0640', 'async', 'sync'], rows);
}

function rewritesPart(ways) {
  const titles = Object.keys(ways);
  const rows = [...new Set(titles.flatMap((title) => Object.keys(ways[title])))].map((part) => [part, ...titles.map((title) => (ways[title][part] === undefined ? '–' : number(ways[title][part])))]);
  return [
    table(['µs of one rewrite of 1 KiB, in process', ...titles], rows),
    'A call that another thread makes counts from when it is handed over until JavaScript hears of its end; `JavaScript` is when none is under way, with the calls on attributes, which do not go through `node:fs`. The old file is closed by another thread: only handing it over counts.\n',
  ].join('\n');
}

function jsonPart(parts) {
  const plain = parts['JSON.stringify()'];
  const rows = Object.entries(parts).map(([name, ms]) => [name, number(ms), number(ms / plain)]);
  return [table(['10 MB of JSON', 'ms', '× JSON.stringify'], rows), 'Nothing can be encoded or written before `JSON.stringify()` has returned, and it blocks the event loop while it runs.\n'].join('\n');
}

/** The section of the page. */
export function profileSection({ profile: measured, calls, workloads }) {
  if (measured === undefined) return '';
  const { trip, atOnce } = measured.trips;
  const rewrite = workloads.find(({ id }) => id === 'rewrite-full-async');
  const lines = ['## Where goals are not met\n'];
  lines.push(`A trip to another thread and back took ${number(trip)} µs, and the same call made at once ${number(atOnce)} µs. An awaited rewrite makes ${trips} trips one after another: look, create, write with sync, rename, sync the directory.`);
  if (rewrite !== undefined) {
    const perWrite = (median(rewrite.samples.C.map(({ ms }) => ms)) * 1000) / rewrite.count;
    lines.push(`C needs ${number(perWrite)} µs for one; with ${trips} trips and nothing else that is ${number((perWrite + trips * trip) / perWrite)} × C. To make the calls at once instead would block the event loop for as long as the disk takes.`);
  }
  lines.push('');
  if (measured.rewrites !== undefined) lines.push(rewritesPart(measured.rewrites));
  if (measured.json !== undefined) lines.push(jsonPart(measured.json));
  lines.push(table(['import of', 'ms'], Object.entries(measured.import).map(([name, ms]) => [name.startsWith('node:') ? `\`${name}\`` : name, number(ms)])));
  lines.push('The package once more is compiling its source, with all that it needs of Node loaded. It could be loaded at the first call only by a way that bundlers do not follow: programs that are bundled would lack it.\n');
  if (calls.length > 0) lines.push(callsPart(calls));
  return lines.join('\n');
}
