/**
 * The end of the process: by process.exit(), by an uncaught exception, when nothing is left to do, or by a signal that
 * the program does not handle itself.
 *
 * A process that goes on after a signal must not be taken for one that ends. It may have a handler of its own, also one
 * that is called once and is gone by then. It may be process 1 of a container, which such a signal does not kill, or
 * have been started to ignore it. Packages that clean up at a signal must agree on who ends the process. The copies of
 * signal-exit do, each of which counts the others' listeners: they go first here, and the last one left sends the
 * signal again.
 */
import { onExit } from 'signal-exit';
import { signals } from 'signal-exit/signals';
import { readOr } from './processes.ts';

/** The order at the end: first values that are not committed yet are saved, then their temporary files are removed. */
type Phase = 'save' | 'remove';

const callbacks: Readonly<Record<Phase, (() => void)[]>> = { save: [], remove: [] };
let installed = false;

/** Calls back when the process ends, after the program's own exit handlers; possibly more than once. */
export function whenProcessEnds(phase: Phase, callback: () => void): void {
  callbacks[phase].push(callback);
  if (!installed) install();
}

function end(): void {
  for (const callback of [...callbacks.save, ...callbacks.remove]) callback();
}

/** Everything at once: a handler that is installed while the process is ending may come too late. */
function install(): void {
  installed = true;
  const ends = signals.filter((signal) => !isIgnored(signal));
  // This package has its own copy of signal-exit, which counts as a listener, and must not.
  signals.length = 0;
  let wasToldOfSignal = false;
  onExit(
    (_, signal) => {
      if (signal === null) end();
      // Another package ends the process: then the signal comes again. After this call it does not call back at an
      // exit.
      else wasToldOfSignal = true;
    },
    { alwaysLast: true },
  );
  // Bun's exit event after an uncaught exception does not reach signal-exit.
  process.on('exit', () => {
    if (wasToldOfSignal || process.versions['bun'] !== undefined) end();
  });
  for (const signal of ends) listen(signal);
  keepMissingStatus();
}

function listen(signal: NodeJS.Signals): void {
  const endBy = (): void => {
    if (!isAlone(signal) || process.pid === 1) return;
    end();
    process.removeListener(signal, endBy);
    // Windows has no SIGHUP to send.
    process.kill(process.pid, process.platform === 'win32' && signal === 'SIGHUP' ? 'SIGINT' : signal);
  };
  // Before handlers that are called once: they are gone by the time they are called.
  process.prependListener(signal, endBy);
}

/** Whether nobody else listens; version 3 of signal-exit waits for others as these wait for it. */
function isAlone(signal: NodeJS.Signals): boolean {
  const { count = 0 } = (Reflect.get(process, '__signal_exit_emitter__') ?? {}) as { count?: number };
  return process.listenerCount(signal) === 1 + count;
}

let ignored: bigint | undefined;

/**
 * Whether the signal does not end the process, as after nohup(1): a listener would change that. Node ignores SIGXFSZ so
 * that a write past RLIMIT_FSIZE fails with EFBIG.
 */
function isIgnored(signal: NodeJS.Signals): boolean {
  if (signal === 'SIGXFSZ') return true;
  ignored ??= BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(readOr('/proc/self/status'))?.[1] ?? '0'}`);
  if (ignored === 0n) return false;
  const number = process.getBuiltinModule('node:os').constants.signals[signal];
  return number !== undefined && ((ignored >> BigInt(number - 1)) & 1n) === 1n;
}

/**
 * Node exits with 13 if nothing is left to do and the main module still waits, as for an update whose callback never
 * ends. It does so only if no status is set, and signal-exit sets 0 before.
 */
function keepMissingStatus(): void {
  if (process.versions['bun'] !== undefined) return;
  let missing = false;
  process.on('beforeExit', () => (missing = process.exitCode === undefined));
  process.prependListener('exit', () => {
    if (missing && process.exitCode === 0) process.exitCode = undefined;
  });
}
