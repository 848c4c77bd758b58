/** A program that has a lease of a file (fcntl(2), F_SETLEASE), as a server of SMB has for a client. */
import type { TestContext } from 'node:test';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { needsTools } from './needs.ts';

/** It says when it has the lease, and when it is asked to give it up. */
const program = `
import fcntl, os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
file = os.open(sys.argv[1], os.O_RDWR)
try:
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
except OSError as error:
    print(error, flush=True)
    sys.exit()
print('leased', flush=True)
while True:
    signal.sigwait([signal.SIGIO])
    if sys.argv[2] == 'gives it up': fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    print('asked', flush=True)
`;

/** The next lines that the holder of the lease says; undefined if there can be no lease. */
export async function lease(
  t: TestContext,
  path: string,
  how: 'gives it up' | 'keeps it',
): Promise<AsyncIterator<string> | undefined> {
  if (!needsTools(t, 'python3')) return undefined;
  const holder = spawn('python3', ['-c', program, path, how], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => holder.kill('SIGKILL'));
  const lines = createInterface(holder.stdout)[Symbol.asyncIterator]();
  const { value: first } = await lines.next();
  if (first === 'leased') return lines;
  t.skip(`there can be no lease here: ${String(first)}`);
  return undefined;
}
