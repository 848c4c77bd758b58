/**
 * What a recovery costs: in proportion to what it recovers, and little for what strangers left. Counted, since times
 * depend on the machine.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { alice, as, bob, needsUsers } from '../support/as-user.ts';
import { run } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';
import { withParts } from '../support/stale.ts';
import { newToken } from '#untorn/system/owner.js';
import { replacing } from '../support/replacing.ts';

const skip = process.platform === 'win32' ? 'Windows does not show whether a process is alive' : false;

/** Counts calls of node:fs, and the names that lists of names have. */
const counting = `
  ${replacing}
  let count = 0;
  let last = () => undefined;
  for (const name of ['open', 'close', 'read', 'write', 'fsync', 'fstat', 'lstat', 'stat', 'statfs', 'readdir', 'mkdir', 'rmdir', 'rename', 'link', 'unlink', 'readlink']) {
    const call = fs[name + 'Sync'];
    fs[name + 'Sync'] = (...given) => {
      const result = call.apply(fs, given);
      count += name === 'readdir' ? 1 + result.length : 1;
      last(name, given);
      return result;
    };
  }
  syncBuiltinESMExports();
  const { recoverSync, transactionSync } = await import('untorn');
  const at = (name) => process.argv[1] + '/' + name;`;

describe('what a recovery does', { skip }, () => {
  const here = scratch();

  async function costOf(files: number): Promise<number> {
    mkdirSync(here.at(`${files}`));
    const { signal, stderr } = await run(
      `${counting}
      last = (name, [, to]) => { if (name === 'rename' && String(to).endsWith('.committed')) process.kill(process.pid, 'SIGKILL'); };
      transactionSync((tx) => { for (let i = 0; i < ${files}; i++) tx.writeFile(at('f' + i), 'new'); }, { durability: 'off' });`,
      [here.at(`${files}`)],
    );
    assert.equal(signal, 'SIGKILL', stderr);
    const { stdout, stderr: problem } = await run(
      `${counting} count = 0; const { files } = recoverSync(process.argv[1]); console.log(files.length, count);`,
      [here.at(`${files}`)],
    );
    const [recovered, count] = stdout.split(' ').map(Number) as [number, number];
    assert.equal(recovered, files, problem);
    return count;
  }

  it('grows as the number of its files, and no faster (G9)', async (t) => {
    const [few, many] = [await costOf(30), await costOf(120)];
    t.diagnostic(`30 files: ${few} calls and names; 120 files: ${many}`);
    assert.ok(many < few * 4.4, `${few}, ${many}`);
  });

  it('is not more than a look for each name that strangers left (G9)', async (t) => {
    if (!(await needsUsers(t))) return;
    chmodSync(here.folder, 0o711);
    const costs = [];
    for (const junk of [0, 200]) {
      const folder = here.at(`with ${junk}`);
      mkdirSync(folder);
      chmodSync(folder, 0o777);
      for (let index = 0; index < junk; index++) {
        const id = withParts(newToken('staged'), { pid: (0x7ffffffe).toString(36) }).slice('untorn-x-'.length);
        for (const name of [`.untorn-j-${id}.pointer`, `.f.untorn-x-${id}-1.tmp`, `.f${index}.untorn-lock`]) {
          writeFileSync(`${folder}/${name}`, 'junk');
          chownSync(`${folder}/${name}`, bob.uid, bob.gid);
        }
      }
      const program = `${counting} count = 0; transactionSync((tx) => tx.writeFile(at('f'), 'new')); console.log(count);`;
      const { stdout, stderr } = await run(program, [folder], { under: as(alice) });
      assert.ok(Number(stdout) > 0, stderr);
      costs.push(Number(stdout));
    }
    const [none, some] = costs as [number, number];
    t.diagnostic(`${none} calls and names without, ${some} with three times 200 names of a stranger`);
    // Three names in the list and a look at a pointer.
    assert.ok(some - none <= 200 * 5, `${none}, ${some}`);
  });
});
