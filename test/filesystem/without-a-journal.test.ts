/** Symbolic links where no sync of a directory takes them along: see `src/files/filesystems.ts`. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { run, type Ended } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { mountNew } from '../support/mount.ts';
import { needsNative, hasNative } from '../support/native-part.ts';
import { needsTools } from '../support/needs.ts';

/** Replaces `site` in a mount by a directory with a file, in a program; it says what the result or the error has. */
const program = (form: string): string => `
  import { writeFileSync } from 'node:fs';
  import { ${form} } from 'untorn';
  const [mount, content] = process.argv.slice(1);
  try {
    const { durable, oldPath = null } = await ${form}(mount + '/site', (directory) => writeFileSync(directory + '/file', content));
    console.log(JSON.stringify({ durable, oldPath }));
  } catch ({ code, outcome }) {
    console.log(JSON.stringify({ code, outcome }));
  }`;

interface Told {
  readonly durable?: boolean | 'unsupported';
  readonly oldPath?: string | null;
  readonly code?: string;
  readonly outcome?: string;
}

function toldBy({ stdout, stderr }: Ended): Told {
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Told;
}

/** Does that, and gives the calls too that sync the whole filesystem and rename. */
async function traced(
  t: TestContext,
  form: string,
  args: string[],
  options: readonly string[] = [],
): Promise<{ told: Told; calls: string[] }> {
  const log = join(newFolder(t), 'log');
  const under = ['strace', '-f', '-qq', '-o', log, '-e', 'trace=syncfs,rename,renameat,renameat2', ...options];
  // strace counts the calls of each thread by itself.
  const told = toldBy(await run(program(form), args, { under, env: { UV_THREADPOOL_SIZE: '1' } }));
  const calls = [...readFileSync(log, 'utf8').matchAll(/^\d+ +(syncfs|rename)/gm)].map(([, call]) => String(call));
  return { told, calls };
}

const contentIn = (mount: string): string => readFileSync(join(mount, 'site', 'file'), 'utf8');

for (const form of ['replaceDirectory', 'replaceDirectorySync']) {
  describe(`${form}() without a journal`, () => {
    it('syncs the whole filesystem before and after the link is in place (G3)', async (t) => {
      if (!needsTools(t, 'strace')) return;
      const mount = mountNew(t, 'ext2');
      if (mount === undefined) return;
      const first = toldBy(await run(program(form), [mount, 'old']));
      const version = readdirSync(mount).find((name) => name.includes('untorn-v-'));
      const { told, calls } = await traced(t, form, [mount, 'new']);
      const around = calls.slice(calls.indexOf('syncfs'), calls.lastIndexOf('syncfs') + 1);
      assert.deepEqual(
        [first.durable, told, around],
        hasNative
          ? [true, { durable: true, oldPath: null }, ['syncfs', 'rename', 'syncfs']]
          : ['unsupported', { durable: 'unsupported', oldPath: join(mount, String(version)) }, []],
      );
      assert.equal(contentIn(mount), 'new');
    });

    it('says that it cannot, and keeps the old directory, without the native part (G3)', async (t) => {
      const mount = mountNew(t, 'ext2');
      if (mount === undefined) return;
      const env = { UNTORN_NATIVE: 'off' };
      await run(program(form), [mount, 'old'], { env });
      const { durable, oldPath } = toldBy(await run(program(form), [mount, 'new'], { env }));
      assert.equal(durable, 'unsupported');
      assert.equal(readFileSync(join(String(oldPath), 'file'), 'utf8'), 'old');
    });

    it('fails, and leaves the old directory in place, where that sync fails (G4)', async (t) => {
      if (!needsNative(t) || !needsTools(t, 'strace')) return;
      const mount = mountNew(t, 'ext2');
      if (mount === undefined) return;
      await run(program(form), [mount, 'old']);
      const before = readdirSync(mount);
      const { told } = await traced(t, form, [mount, 'new'], ['-e', 'inject=syncfs:error=EIO']);
      assert.deepEqual([told, contentIn(mount)], [{ code: 'EIO', outcome: 'old' }, 'old']);
      assert.deepEqual(readdirSync(mount), before);
    });

    it('fails, and tells that the new directory is in place, where the second sync fails (G3, G4)', async (t) => {
      if (!needsNative(t) || !needsTools(t, 'strace')) return;
      const mount = mountNew(t, 'ext2');
      if (mount === undefined) return;
      await run(program(form), [mount, 'old']);
      const { told } = await traced(t, form, [mount, 'new'], ['-e', 'inject=syncfs:error=EIO:when=2']);
      assert.deepEqual([told, contentIn(mount)], [{ code: 'EIO', outcome: 'new' }, 'new']);
    });

    it('does nothing of that where there is a journal', async (t) => {
      if (!needsTools(t, 'strace')) return;
      const mount = mountNew(t, 'ext4');
      if (mount === undefined) return;
      const { told, calls } = await traced(t, form, [mount, 'new']);
      assert.deepEqual([told.durable, calls.includes('syncfs')], [true, false]);
    });
  });
}
