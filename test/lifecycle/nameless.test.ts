/** Files that get their name when they are complete: `overwrite: false` with the native part (open(2), O_TMPFILE). */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { newFolder } from '../support/folder.ts';
import { needsNative } from '../support/native-part.ts';

const memory = '/dev/shm';

const program = `
  import { writeFile } from 'untorn';
  await writeFile(process.argv[1], Buffer.alloc(200 << 20, 'n'), { overwrite: false });
`;

/** Whether a process has a file open that has no name in the folder. */
function writesNameless(pid: number, folder: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return new RegExp(`^${folder}/#\\d+ \\(deleted\\)$`).test(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false; // Closed meanwhile.
    }
  });
}

describe('a file that is only created (G10)', () => {
  it('leaves nothing if the process is killed while it is written', async (t) => {
    if (!needsNative(t)) return;
    if (!existsSync(memory)) return t.skip(`needs ${memory}`);
    const folder = newFolder(t, memory);
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program, join(folder, 'file')], {
      stdio: 'inherit',
    });
    const ended = once(child, 'exit');
    while (!writesNameless(child.pid!, folder)) {
      assert.equal(child.exitCode, null, 'it ended before it could be killed');
      await setImmediate();
    }
    child.kill('SIGKILL');
    await ended;
    assert.deepEqual(readdirSync(folder), []);
  });
});
