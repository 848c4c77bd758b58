import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync as plainWrite } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { writeFile, writeFileSync, type WriteResult } from 'untorn';
import { apis } from '../support/apis.ts';
import { ask } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';
import { replacing } from '../support/replacing.ts';

describe('writeFile()', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'untorn-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('replaces a file and leaves nothing else', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'old');
    const result = await writeFile(path, 'new');
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.equal(result.replaced, true);
    assert.deepEqual(readdirSync(folder), ['file']);
  });

  it('loses to a synchronous call that is made while it is under way (G7)', async () => {
    const path = join(folder, 'file');
    const first = writeFile(path, 'first');
    writeFileSync(path, 'last');
    assert.equal((await first).superseded, true);
    assert.equal(readFileSync(path, 'utf8'), 'last');
  });
});

describe('writeFileSync()', () => {
  const here = scratch();

  it('does not take it for a failure that the directory cannot be closed, when the content is in place (G4)', async () => {
    const { durable } = await ask<WriteResult>(
      `
      ${replacing}
      const { closeSync } = fs;
      fs.closeSync = (fd) => {
        const isDirectory = fs.fstatSync(fd).isDirectory();
        closeSync(fd);
        if (isDirectory) throw Object.assign(new Error('EIO: i/o error, close'), { code: 'EIO', syscall: 'close' });
      };
      syncBuiltinESMExports();
      const { writeFileSync } = await import('untorn');
      console.log(JSON.stringify(writeFileSync(process.argv[1], 'new')));
    `,
      [here.at('file')],
    );
    assert.equal(durable, true);
    assert.equal(here.text('file'), 'new');
  });
});

for (const { name } of apis) {
  describe(`${name}() and EOVERFLOW`, () => {
    const here = scratch();

    // The kernel says so where an idmapped mount has no number for the user.
    for (const [call, code] of [
      ['open', `(path, flags) => (flags & fs.constants.O_CREAT) !== 0`],
      ['rename', '() => true'],
    ] as const)
      it(`fails with it if ${call}(2) does, which is called once (G4)`, async () => {
        plainWrite(here.at('file'), 'old');
        const told = await ask<{ calls: number; error: unknown }>(
          `
          ${replacing}
          const { ${call}, ${call}Sync } = fs;
          const fails = ${code};
          const error = () => Object.assign(new Error('EOVERFLOW: value too large'), { code: 'EOVERFLOW', syscall: '${call}' });
          let calls = 0;
          fs.${call} = (...args) => {
            if (!fails(...args)) return ${call}(...args);
            calls++;
            args.at(-1)(error());
          };
          fs.${call}Sync = (...args) => {
            if (!fails(...args)) return ${call}Sync(...args);
            calls++;
            throw error();
          };
          syncBuiltinESMExports();
          const untorn = await import('untorn');
          const { code, outcome } = await (async () => untorn.${name}(process.argv[1], 'new'))().catch((error) => error);
          console.log(JSON.stringify({ calls, error: { code, outcome } }));
        `,
          [here.at('file')],
        );
        assert.deepEqual(told, { calls: 1, error: { code: 'EOVERFLOW', outcome: 'old' } });
        assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
      });
  });
}
