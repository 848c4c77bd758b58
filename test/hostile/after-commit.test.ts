/** What others do between the commit of a transaction whose owner was killed and its recovery. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { recover, updateFile } from 'untorn';
import { run } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { replacing } from '../support/replacing.ts';

/** Commits a transaction, and is killed before the first rename to a target. */
async function killed(folder: string, changes: string): Promise<void> {
  const { signal, stderr } = await run(
    `
    ${replacing}
    const [folder] = process.argv.slice(1);
    const at = (name) => folder + '/' + name;
    const { renameSync } = fs;
    fs.renameSync = (from, to) => {
      if (/(?:target|file~?)$/.test(String(to))) process.kill(process.pid, 'SIGKILL');
      renameSync(from, to);
    };
    syncBuiltinESMExports();
    const { transaction } = await import('untorn');
    await transaction(async (tx) => { ${changes} });`,
    [folder],
  );
  assert.equal(signal, 'SIGKILL', stderr);
}

function staged(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.includes('untorn-x-'));
}

function told(files: readonly { path: string | Buffer; outcome: string }[], folder: string): Record<string, string> {
  return Object.fromEntries(files.map(({ path, outcome }) => [String(path).slice(folder.length + 1), outcome]));
}

function prepare(t: TestContext): string {
  const folder = newFolder(t);
  for (const name of ['source', 'target', 'file']) writeFileSync(join(folder, name), `old ${name}`);
  return folder;
}

const renaming = `await tx.rename(at('source'), at('target'))`;

describe('recover(), after a commit', () => {
  it('puts nothing in place that has taken the place of what was staged (G4)', async (t) => {
    const folder = prepare(t);
    await killed(folder, `await tx.writeFile(at('file'), 'new')`);
    const names = staged(folder);
    for (const [number, name] of names.entries()) renameSync(join(folder, name), join(folder, `moved-${number}`));
    for (const name of names) writeFileSync(join(folder, name), 'evil');
    const { files } = await recover(folder);
    assert.deepEqual(told(files, folder), { file: 'missing' });
    assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'old file');
  });

  it('keeps a renamed file where its new name is lost (G1, G9)', async (t) => {
    const folder = prepare(t);
    await killed(folder, renaming);
    for (const name of staged(folder)) unlinkSync(join(folder, name));
    const { files } = await recover(folder);
    assert.deepEqual(told(files, folder), { source: 'missing', target: 'missing' });
    assert.equal(readFileSync(join(folder, 'source'), 'utf8'), 'old source');
  });

  it('removes no later file that has the number of the old one (G5)', async (t) => {
    const folder = prepare(t);
    await killed(folder, renaming);
    const { ino } = statSync(join(folder, 'source'));
    for (const name of [...staged(folder), 'source']) unlinkSync(join(folder, name));
    writeFileSync(join(folder, 'source'), 'a later one');
    t.diagnostic(`its number is ${statSync(join(folder, 'source')).ino === ino ? 'the same' : 'another one'}`);
    await recover(folder);
    assert.equal(readFileSync(join(folder, 'source'), 'utf8'), 'a later one');
  });

  it('leaves what was written into a file since, though it has a backup (G4)', async (t) => {
    const folder = prepare(t);
    await killed(folder, `await tx.writeFile(at('file'), 'new', { backup: 'simple' })`);
    appendFileSync(join(folder, 'file'), ' and more');
    const { files } = await recover(folder);
    assert.equal(told(files, folder)['file'], 'superseded');
    assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'old file and more');
  });

  it('completes one over directories with paths that are as long as can be (G9)', async (t) => {
    const folder = newFolder(t);
    const long = (name: string): string => join(folder, name, ...Array.from({ length: 11 }, () => 'd'.repeat(190)));
    for (const name of ['a', 'b']) {
      mkdirSync(long(name), { recursive: true });
      writeFileSync(join(long(name), 'file'), 'old');
    }
    const files = ['a', 'b'].map((name) => join(long(name), 'file'));
    await killed(folder, files.map((path) => `await tx.writeFile(${JSON.stringify(path)}, 'new')`).join('; '));
    await updateFile(files[1] as string, (old) => `${old}er`, 'utf8');
    assert.deepEqual(
      files.map((path) => readFileSync(path, 'utf8')),
      ['new', 'newer'],
    );
  });
});
