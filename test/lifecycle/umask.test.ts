/** A umask that takes rights from the owner of what is made. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { run } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';

const skip = process.platform === 'linux' ? false : 'needs a way to a directory that one may not open';

const program = `
  import { chmodSync, writeFileSync } from 'node:fs';
  import { replaceDirectory, transaction, updateFile, updateFileSync } from 'untorn';
  const [folder, umask] = process.argv.slice(1);
  const at = (name) => folder + '/' + name;
  process.umask(Number.parseInt(umask, 8));
  await updateFile(at('one'), () => 'new');
  updateFileSync(at('two'), () => 'new');
  await transaction(async (files) => {
    await files.writeFile(at('three'), 'new');
    await files.writeFile(at('four'), 'new');
  });
  await replaceDirectory(at('link'), (path) => {
    chmodSync(path, 0o700);
    writeFileSync(path + '/file', 'new');
    chmodSync(path + '/file', 0o600);
  });`;

const files = ['four', 'one', 'three', 'two'];

describe('a umask that takes rights from the owner', { skip }, () => {
  for (const umask of ['0177', '0277', '0477', '0777'])
    for (const [kind, mode] of Object.entries({ own: 0o700, shared: 0o2777, sticky: 0o1777 }))
      it(`${umask} hinders no lock, transaction or new directory in a folder that is ${kind} (G8, G9, G10)`, async (t) => {
        const folder = newFolder(t);
        mkdirSync(`${folder}/old`);
        for (const name of files) writeFileSync(`${folder}/${name}`, 'old');
        symlinkSync('old', `${folder}/link`);
        const under = await needsOrdinaryUser(t, folder, ...files.map((name) => `${folder}/${name}`));
        if (under === undefined) return;
        chmodSync(folder, mode);
        const { status, stderr } = await run(program, [folder, umask], { under });
        assert.equal(status, 0, stderr);
        for (const name of [...files, 'link/file']) assert.equal(readFileSync(`${folder}/${name}`, 'utf8'), 'new');
        const others = readdirSync(folder).filter((name) => ![...files, 'link', 'old'].includes(name));
        assert.match(others.join(' '), /^\.link\.untorn-v-[^ ]+$/);
      });
});
