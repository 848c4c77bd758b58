// Where a run was made.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, getPriority, release, totalmem, type } from 'node:os';
import { basename } from 'node:path';
import { contenders, peers } from './contenders.js';

/** @param {string} folder */
export function machine(folder) {
  const [filesystem, options] = said('findmnt', ['-no', 'FSTYPE,OPTIONS', '-T', folder]).split(/\s+/);
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const commit = said('git', ['describe', '--always']);
  // The results of one measurement do not change what the next one measures.
  const isChanged = said('git', ['status', '--porcelain', '--', '.', ':!docs']) !== '';
  const versions = { untorn: `${version} (${commit}${isChanged ? '-dirty' : ''})` };
  for (const name of peers) versions[name] = contenders[name].version;
  return {
    date: new Date().toISOString().slice(0, 10),
    system: `${type()} ${release()}`,
    processor: `${cpus().length} × ${cpus()[0]?.model}`,
    memory: totalmem(),
    node: process.version,
    compiler: said('cc', ['--version']).split('\n')[0],
    filesystem: `${filesystem} (${options})`,
    device: device(said('findmnt', ['-no', 'SOURCE', '-T', folder])),
    priority: getPriority(),
    versions,
  };
}

/**
 * Processor time since boot, in ticks (proc(5)): of this process with its children that have ended, of all other
 * processes with the kernel's own threads, and what the host gave to other machines. The load says less: who waits for
 * a disk counts there.
 */
export function processorTime() {
  const [user, nice, system, idle, iowait, irq, softirq, stolen] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ').map(Number);
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + ticks);
  const busy = user + nice + system + irq + softirq;
  return { all: busy + idle + iowait + stolen, others: busy - own, stolen };
}

/** Shares of all processors' time between two of these. */
export function shares(before, after) {
  const all = after.all - before.all;
  return { others: (after.others - before.others) / all, stolen: (after.stolen - before.stolen) / all };
}

/** A loop device says on what its file lies: in memory a flush costs nearly nothing. @param {string} source */
function device(source) {
  const name = basename(source);
  if (!name.startsWith('loop'))
    return `${name}, ${said('lsblk', ['-dno', 'ROTA', source]) === '1' ? 'reported as rotating' : 'reported as not rotating'}`;
  const backing = said('losetup', ['-n', '-O', 'BACK-FILE', source]);
  return `loop device on ${said('findmnt', ['-no', 'FSTYPE', '-T', backing]).split('\n').at(-1)}`;
}

function said(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', cwd: new URL('..', import.meta.url) }).trim();
  } catch {
    return 'unknown';
  }
}
