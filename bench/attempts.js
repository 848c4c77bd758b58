// Runs attempt.js for a contender: alone, as another user, or under strace; and says how it ended.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { trace } from './trace.js';

const program = fileURLToPath(new URL('attempt.js', import.meta.url));
const timeLimit = 10_000;

export const isRoot = () => process.getuid?.() === 0;

/** 'resolved', 'rejected CODE', 'never settles' (the process ends, or has to be ended), or how the process died. */
export function attempt(name, operation, path, { size = 5, before = [] } = {}) {
  const [first, ...args] = [...before, process.execPath, program, name, operation, path, String(size)];
  const { stdout, stderr, signal, status, error } = spawnSync(first, args, {
    encoding: 'utf8',
    timeout: timeLimit,
    killSignal: 'SIGKILL',
  });
  if (error?.code === 'ETIMEDOUT' || (signal === null && status === 13)) return 'never settles';
  const said = stdout.trim();
  if (said === '' && status === 0) return 'never settles';
  if (said !== '') return said;
  if (stderr.includes('untorn-bench') && stderr.includes('EACCES'))
    throw new Error(`${first} cannot read the benchmark: ${stderr}`);
  return signal === null ? 'the process dies of an uncaught error' : `the process dies of ${signal}`;
}

/** The calls on files of one write. @param {string[] | undefined} before a command that runs it */
export function tracedAttempt(name, path, folder, before = []) {
  const calls = trace(join(folder, '..', 'strace'), folder, process.execPath, [program, name, 'write', path], {
    before,
  });
  // What is loaded comes first: only what happens from the first call on the folder counts.
  return calls.slice(
    calls.findIndex(({ args, descriptor }) => args.includes(`"${folder}`) || descriptor?.startsWith(folder)),
  );
}

/** A command that runs another as this user, in these groups. */
export const becomes = (uid, gid, group) => ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, `--groups=${group}`];

/** A command that runs another in a process namespace of its own, where its process id is always the same. */
export function ownNamespace() {
  const command = ['unshare', ...(isRoot() ? [] : ['--map-root-user']), '--pid', '--fork', '--mount-proc'];
  return spawnSync(command[0], [...command.slice(1), 'true']).status === 0 ? command : undefined;
}
