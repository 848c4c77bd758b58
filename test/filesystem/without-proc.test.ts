/** A program that has no /proc, as in some containers and chroots: nothing that goes through it is used. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { newFolder } from '../support/folder.ts';
import { needsRoot, needsTools } from '../support/needs.ts';

const program = `
  import { writeFile, writeFileSync } from 'untorn';
  const [, path] = process.argv;
  const notKept = [(await writeFile(path, 'new')).notKept, writeFileSync(path, 'newer').notKept];
  await writeFile(path + '-created', 'whole', { overwrite: false });
  console.log(JSON.stringify(notKept));
`;

describe('a program without /proc', () => {
  it('replaces and creates files, keeps their mode, and says that attributes were not kept (G5, G6)', (t) => {
    if (!needsRoot(t) || !needsTools(t, 'unshare', 'umount')) return;
    const folder = newFolder(t);
    const path = join(folder, 'file');
    plainWrite(path, 'old');
    chmodSync(path, 0o640);
    const under = ['--mount', '--', 'sh', '-c', 'umount -l /proc && exec "$@"', 'sh'];
    const args = [...under, process.execPath, '--input-type=module', '--eval', program, path];
    const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), [['xattr'], ['xattr']]);
    assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).mode & 0o777], ['newer', 0o640]);
    assert.deepEqual([readdirSync(folder).length, readFileSync(`${path}-created`, 'utf8')], [2, 'whole']);
  });
});
