/**
 * Processes that update one file: how many updates a second they make together, and how long each waits for its turn.
 *
 *     node bench/contention.js [--seconds=5] [--sync] [--durability=full] [--directory=PATH] [N…]
 *
 * All have started before the clock runs, and each has updated a file of its own for a while, since a program's first
 * calls take ten times as long as later ones; `--cold` leaves that out. The wait is from the call to its callback,
 * which is when it has the lock.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    child: { type: 'string' },
    cold: { type: 'boolean', default: false },
    directory: { type: 'string', default: tmpdir() },
    durability: { type: 'string', default: 'full' },
    seconds: { type: 'string', default: '5' },
    sync: { type: 'boolean', default: false },
  },
});

/** One of the processes: says that it is ready, counts for as long as it is told to, and tells its waits. */
async function count(path) {
  const { updateFile, updateFileSync } = await import('untorn');
  const update = values.sync ? updateFileSync : updateFile;
  const waits = [];
  const errors = [];
  let begun = 0;
  const next = (old) => {
    waits.push(performance.now() - begun);
    return String(Number(old ?? '0') + 1);
  };
  const own = `${path}-${process.pid}`;
  for (let i = 0; i < (values.cold ? 0 : 60); i++) await update(own, next, { encoding: 'utf8', durability: 'off' });
  waits.length = 0;
  console.log('ready');
  const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const { value: line } = await input.next();
  const end = performance.now() + Number(line) * 1000;
  const before = process.cpuUsage();
  while ((begun = performance.now()) < end) {
    try {
      await update(path, next, { encoding: 'utf8', durability: values.durability });
    } catch (error) {
      errors.push(error.code ?? String(error));
    }
  }
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ waits, errors, cpu: (user + system) / 1000 }));
  process.exit();
}

async function contend(processes) {
  const folder = mkdtempSync(join(values.directory, 'untorn-contention-'));
  const path = join(folder, 'count');
  const forwarded = [
    `--durability=${values.durability}`,
    ...(values.sync ? ['--sync'] : []),
    ...(values.cold ? ['--cold'] : []),
  ];
  const started = Array.from({ length: processes }, () => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), `--child=${path}`, ...forwarded], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  });
  for (const { lines } of started) await lines.next();
  for (const { child } of started) child.stdin.write(`${values.seconds}\n`);
  const told = await Promise.all(started.map(async ({ lines }) => JSON.parse((await lines.next()).value)));
  const counted = Number(readFileSync(path, 'utf8'));
  rmSync(folder, { recursive: true });
  const waits = told.flatMap((one) => one.waits);
  const errors = told.flatMap((one) => one.errors);
  const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
  const cpu = told.reduce((sum, one) => sum + one.cpu, 0) / counted;
  return {
    processes,
    counted,
    cpu,
    lost: waits.length - errors.length - counted,
    errors,
    mean,
    longest: Math.max(...waits),
  };
}

if (values.child !== undefined) await count(values.child);
else {
  console.log('processes  updates/s  mean wait ms  longest wait ms  longest/mean  processor ms/update  errors');
  for (const processes of positionals.length > 0 ? positionals.map(Number) : [1, 2, 8, 32, 64]) {
    const { counted, cpu, errors, mean, longest, lost } = await contend(processes);
    const cells = [
      String(processes).padStart(9),
      (counted / Number(values.seconds)).toFixed(1).padStart(9),
      mean.toFixed(2).padStart(12),
      longest.toFixed(1).padStart(15),
      (longest / mean).toFixed(1).padStart(12),
      cpu.toFixed(2).padStart(19),
      `${errors.length}${errors.length > 0 ? ` (${[...new Set(errors)].join()})` : ''}`.padStart(6),
    ];
    console.log(cells.join('  ') + (lost > 0 ? `  lost ${lost}` : ''));
  }
}
