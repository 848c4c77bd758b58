// Runs a program under strace and gives the calls that it made on files, in order.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export const canTrace = spawnSync('strace', ['-V']).error === undefined;

/** @param {string} log where strace writes @param {string} folder only files in it count for calls on descriptors */
export function trace(log, folder, program, args, options = {}) {
  const before = options.before ?? [];
  execFileSync(
    ...split([
      ...before,
      'strace',
      '-f',
      '-qq',
      '-y',
      '-s',
      '512',
      '-e',
      'trace=%file,%desc',
      '-o',
      log,
      program,
      ...args,
    ]),
    { stdio: 'ignore', timeout: 60_000 },
  );
  return callsOf(readFileSync(log, 'utf8'), folder);
}

const split = ([first, ...rest]) => [first, rest];

/** Calls by path, and calls on descriptors of files in the folder; not those on pipes, events and libraries. */
function callsOf(text, folder) {
  const calls = [];
  for (const line of text.split('\n')) {
    const match = /^\d+\s+(\w+)\((.*)$/.exec(line);
    if (match === null) continue;
    const [, name, args] = match;
    const descriptor = /^\d+<([^>]*)>/.exec(args)?.[1];
    if (descriptor === undefined || (/^\d+<[^>]*>, "/.test(args) && /at2?$/.test(name))) {
      if (!args.includes('"')) continue;
    } else if (!descriptor.startsWith(folder)) continue;
    calls.push({ name, args, descriptor });
  }
  return calls;
}

/** Those between the two marks that sample.js makes. */
export function betweenMarks(calls) {
  const at = (which) => calls.findIndex(({ args }) => args.includes(`/untorn-bench-${which}`));
  return calls.slice(at('begin') + 1, at('end'));
}

/** What was made durable, in order: the file before its rename, the directory after it. @param {string} folder */
export function syncs(calls, folder) {
  const renamed = calls.findLastIndex(({ name }) => name.startsWith('rename') || name.startsWith('link'));
  const isSync = ({ name }) => name === 'fsync' || name === 'fdatasync';
  const opensSynced = ({ name, args }) => name === 'openat' && /O_D?SYNC/.test(args);
  const atFile = ({ descriptor }) => descriptor !== undefined && descriptor !== folder;
  return {
    atomic: renamed >= 0,
    file: calls
      .slice(0, renamed < 0 ? undefined : renamed)
      .some((call) => opensSynced(call) || (isSync(call) && atFile(call))),
    directory: renamed >= 0 && calls.slice(renamed).some((call) => isSync(call) && call.descriptor === folder),
  };
}
