// Runs the behaviours on other versions of Node, on Bun and on Deno, and prints a table. Arguments: parts of the names
// of those to run.
import { tmpdir } from 'node:os';
import { binaryOf, runtimes } from '../../scripts/runtime.js';
import { check } from './check.js';
import { differences } from './differences.js';
import { makeConsumer } from './consumer.js';

const wanted = process.argv.slice(2);
const consumer = makeConsumer();
const readable = (flag, name) => (folder) => [
  flag,
  '--no-warnings',
  '--allow-fs-read=*',
  `--allow-fs-write=${folder}/*`,
  `${consumer.folder}/${name}.js`,
];

/** Each way to run a program: the runtime, and the arguments for a program that writes to a folder. */
function* waysToRun() {
  const plain = (name) => () => [`${consumer.folder}/${name}.js`];
  for (const [name, runtime] of Object.entries(runtimes)) {
    const [kind, major] = name.split(' ');
    if (kind === 'node') {
      yield { name, runtime, args: plain };
      const flag = Number(major) < 22 ? '--experimental-permission' : '--permission';
      yield { name: `${name} --permission`, runtime, args: (program) => readable(flag, program) };
    } else if (kind === 'deno') {
      yield { name, runtime, args: (program) => () => ['run', '--allow-all', '--quiet', ...plain(program)()] };
    } else {
      yield { name, runtime, args: plain };
    }
  }
}

const rows = [];

async function run(way) {
  const began = Date.now();
  let binary;
  try {
    binary = binaryOf(way.runtime);
  } catch (error) {
    rows.push({ way, missing: error.message, checks: [] });
    return;
  }
  const checks = await check(binary, way.args, consumer);
  const expected = differences(way.name);
  for (const one of checks) one.difference = expected[one.name];
  rows.push({
    way,
    checks,
    seconds: (Date.now() - began) / 1000,
    gone: Object.keys(expected).filter((name) => !checks.some((one) => one.name === name)),
  });
}

const order = [...waysToRun()].filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
try {
  // They mostly wait for the disk.
  await Promise.all(order.map(run));
} finally {
  consumer.remove();
}

let failures = 0;
const fail = (name, what, why) => {
  failures++;
  console.log(`FAILED ${name}: ${what}\n    ${String(why).replaceAll('\n', '\n    ')}`);
};
const table = rows
  .toSorted((one, other) => order.indexOf(one.way) - order.indexOf(other.way))
  .map(({ way, missing, checks, seconds, gone = [] }) => {
    const { name } = way;
    if (missing !== undefined) console.log(`${name} was not run: ${missing}`);
    for (const one of checks) {
      if (one.skipped !== undefined) console.log(`${name}: skipped "${one.name}": ${one.skipped}`);
      else if (one.failure !== undefined && one.difference !== undefined)
        console.log(`${name}: known: "${one.name}": ${one.difference}`);
      else if (one.failure !== undefined) fail(name, one.name, one.failure);
      else if (one.difference !== undefined) fail(name, one.name, `It holds, but is said to differ: ${one.difference}`);
    }
    for (const one of gone) fail(name, one, 'It is said to differ, but was not tried');
    const count = (is) => checks.filter((one) => one.skipped === undefined && is(one)).length;
    return {
      runtime: `${name} (${way.runtime.version})`,
      pass: count(({ failure }) => failure === undefined),
      known: count(({ failure, difference }) => failure !== undefined && difference !== undefined),
      fail: count(({ failure, difference }) => failure !== undefined && difference === undefined),
      skipped: checks.filter(({ skipped }) => skipped !== undefined).length,
      seconds: missing === undefined ? Number(seconds.toFixed(1)) : 'not run',
    };
  });
console.table(table);
if (process.env.UNTORN_EVIDENCE !== undefined) {
  const { filesystemOf, note } = await import('../../build/test/support/evidence.js');
  for (const row of table)
    note({
      of: 'behaviours',
      program: row.runtime,
      guarantees: [],
      filesystem: filesystemOf(tmpdir()),
      durabilities: ['full'],
      count: row.pass,
      violations: row.fail,
      details: row,
    });
}
if (failures > 0) process.exitCode = 1;
