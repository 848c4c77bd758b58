// Why some goals cannot be met: what a trip between threads takes, what the import is made of, what the calls of a rewrite are for.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { number } from './plot.js';
import { median } from './statistics.js';
import { moduleUrl } from './peers.js';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const rounds = 5;
const parts = [new URL('empty.js', import.meta.url).href, 'node:util', 'node:fs', 'node:stream', 'node:module', 'node:os', 'node:child_process', 'signal-exit'];

/** @returns {object} medians of fresh processes */
export function profile() {
  const run = (program, args = []) => Array.from({ length: rounds }, () => JSON.parse(execFileSync(process.execPath, [here(program), ...args], { encoding: 'utf8' })));
  const medians = (samples) => Object.fromEntries(Object.keys(samples[0]).map((name) => [name, median(samples.map((sample) => sample[name]))]));
  return { trips: medians(run('trip.js')), import: medians(run('import-parts.js', [moduleUrl('untorn'), ...parts])) };
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
  lines.push('', table(['import of', 'ms'], Object.entries(measured.import).map(([name, ms]) => [name.startsWith('file:') ? 'an empty module' : `\`${name}\``, number(ms)])));
  lines.push('The package itself is mostly compiled source. It could be loaded at the first call only by a way that bundlers do not follow: programs that are bundled would lack it.\n');
  if (calls.length > 0) lines.push(callsPart(calls));
  return lines.join('\n');
}
