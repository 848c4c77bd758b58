/** Filesystems where no lock excludes others, told by their mounts: what needs a lock is refused, and nothing is touched. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync as plainWrite } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  recover,
  replaceDirectory,
  transaction,
  transactionSync,
  updateFile,
  updateFileSync,
  updateJson,
  updateJsonSync,
  WriteError,
  writeFile,
  writeFileSync,
} from 'untorn';
import { apis, names } from '../support/apis.ts';
import { untorn } from '../cli/untorn.ts';
import { mountOdd, type OddFilesystem, type ShownAs } from './odd-filesystem.ts';

const unsafe: readonly ShownAs[] = [
  { type: 'fuse.sshfs', source: 'user@host:' },
  { type: 'fuse.glusterfs', source: 'host:/volume' },
  { type: 'fuse.s3fs', source: 'bucket' },
  { type: 'fuse', source: 'https://host/dav' },
  { type: 'fuse.rclone', source: 'remote:' },
  { type: 'fuse.mount-s3', source: 'mountpoint-s3' },
];

async function mountWithFile(t: TestContext, shownAs: ShownAs): Promise<OddFilesystem | undefined> {
  const odd = await mountOdd(t, {}, shownAs);
  if (odd !== undefined) plainWrite(join(odd.folder, 'file'), '{}');
  return odd;
}

const needLocks: readonly [string, (path: string, options: { filesystem?: 'any' }) => unknown][] = [
  ['updateFile', (path, options) => updateFile(path, () => 'new', options)],
  ['updateFileSync', (path, options) => updateFileSync(path, () => 'new', options)],
  ['updateJson', (path, options) => updateJson(path, () => ({ is: 'new' }), options)],
  ['updateJsonSync', (path, options) => updateJsonSync(path, () => ({ is: 'new' }), options)],
  ['writeFile with ifMatch', (path, options) => writeFile(path, 'new', { ifMatch: hashOfFile, ...options })],
  ['writeFileSync with ifMatch', (path, options) => writeFileSync(path, 'new', { ifMatch: hashOfFile, ...options })],
  ['transaction', (path, options) => transaction((tx) => tx.writeFile(path, 'new'), options)],
  ['transactionSync', (path, options) => transactionSync((tx) => void tx.writeFile(path, 'new'), options)],
  ['a removal in a transaction', (path, options) => transaction((tx) => tx.remove(path), options)],
];
const changing = ['create', 'mkdir', 'mknod', 'rename', 'link', 'unlink'] as const;
const hashOfFile = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';

describe('where no lock excludes others', () => {
  for (const shownAs of unsafe)
    it(`what needs a lock is refused: ${shownAs.type}, ${shownAs.source} (G8)`, async (t) => {
      const odd = await mountWithFile(t, shownAs);
      if (odd === undefined) return;
      for (const [name, call] of needLocks) {
        odd.forget();
        await assert.rejects(
          async () => call(join(odd.folder, 'file'), {}),
          (error: unknown) =>
            WriteError.isWriteError(error) && error.code === 'ERR_UNTORN_UNSAFE_FILESYSTEM' && error.outcome === 'old',
          name,
        );
        const made: string[] = changing.flatMap((one) => odd.calls(one));
        assert.deepEqual(made, [], `${name} touched something`);
      }
      assert.deepEqual([names(odd.below), readFileSync(join(odd.below, 'file'), 'utf8')], [['file'], '{}']);
      assert.deepEqual((await recover(odd.folder)).kept, []);
    });

  it("what needs a lock is done with filesystem: 'any'", async (t) => {
    const odd = await mountWithFile(t, { type: 'fuse.sshfs', source: 'user@host:' });
    if (odd === undefined) return;
    for (const [name, call] of needLocks) {
      plainWrite(join(odd.below, 'file'), '{}');
      await call(join(odd.folder, 'file'), { filesystem: 'any' });
      const now = existsSync(join(odd.below, 'file')) ? readFileSync(join(odd.below, 'file'), 'utf8') : undefined;
      assert.notEqual(now, '{}', name);
    }
  });

  it('a whole directory is not replaced, unless that is accepted', async (t) => {
    const odd = await mountWithFile(t, { type: 'fuse.sshfs', source: 'user@host:' });
    if (odd === undefined) return;
    const fill = (folder: string): void => plainWrite(join(folder, 'file'), 'new');
    await assert.rejects(replaceDirectory(join(odd.folder, 'site'), fill), { code: 'ERR_UNTORN_UNSAFE_FILESYSTEM' });
    assert.deepEqual(names(odd.below), ['file']);
    await replaceDirectory(join(odd.folder, 'site'), fill, { filesystem: 'any' });
    assert.equal(readFileSync(join(odd.below, 'site', 'file'), 'utf8'), 'new');
  });

  it('a plain write is done, and the program is warned once', async (t) => {
    const odd = await mountWithFile(t, { type: 'fuse.s3fs', source: 'bucket' });
    if (odd === undefined) return;
    const warnings: (Error & { code?: string })[] = [];
    const listen = (warning: Error): void => void warnings.push(warning);
    process.on('warning', listen);
    t.after(() => process.off('warning', listen));
    await writeFile(join(odd.folder, 'quiet'), 'new', { filesystem: 'any' });
    for (const { write } of apis) await write(join(odd.folder, 'file'), 'new');
    const { durable } = await writeFile(join(odd.folder, 'file'), 'newer');
    await new Promise(setImmediate);
    assert.deepEqual(
      warnings.map(({ name, code }) => [name, code]),
      [['UntornWarning', 'UNTORN_UNSAFE_FILESYSTEM']],
    );
    assert.match(
      warnings[0]?.message ?? '',
      /^".*\/file" is on s3fs, where not all promises hold: .*filesystem: 'any'$/,
    );
    assert.deepEqual([durable, readFileSync(join(odd.below, 'file'), 'utf8')], ['unsupported', 'newer']);
  });

  it('the command says so, and takes --any-filesystem', async (t) => {
    const odd = await mountWithFile(t, { type: 'fuse.davfs', source: 'https://host/' });
    if (odd === undefined) return;
    const setting = { cwd: odd.folder, input: 'new' };
    const refused = await untorn(['edit', 'file', '--', 'sed', 's/^/new/'], setting);
    assert.match(refused.stderr, /^untorn: .*no lock can be trusted on WebDAV/);
    assert.equal(readFileSync(join(odd.below, 'file'), 'utf8'), '{}');
    const done = await untorn(['edit', '--any-filesystem', 'file', '--', 'sed', 's/^/new/'], setting);
    assert.deepEqual([done.status, readFileSync(join(odd.below, 'file'), 'utf8')], [0, 'new{}']);
    const told = await untorn(['write', 'file'], setting);
    assert.match(told.stderr, /^untorn: Warning: "file" is on WebDAV, where not all promises hold/m);
    const quiet = await untorn(['write', '--quiet', 'file'], setting);
    assert.deepEqual([quiet.status, quiet.stderr], [0, '']);
  });

  it('other programs behind FUSE keep their locks', async (t) => {
    const odd = await mountWithFile(t, { type: 'fuse.bindfs', source: '/' });
    if (odd === undefined) return;
    await updateFile(join(odd.folder, 'file'), () => 'new');
    assert.equal(readFileSync(join(odd.below, 'file'), 'utf8'), 'new');
  });
});

for (const { name, write } of apis)
  it(`${name}() does not call a file untouched that the server has deleted (G4)`, async (t) => {
    const odd = await mountWithFile(t, {});
    if (odd === undefined) return;
    odd.fail({ call: 'rename', path: /\/file$/, error: 'EACCES', removes: true, times: Infinity });
    const error: unknown = await write(join(odd.folder, 'file'), 'new', { retry: { timeout: 0 } }).then(
      () => assert.fail('it resolved'),
      (thrown: unknown) => thrown,
    );
    assert.ok(WriteError.isWriteError(error), String(error));
    assert.equal(error.outcome, 'unknown');
    // The only copy is kept.
    assert.equal(readFileSync(error.temporaryPath as string, 'utf8'), 'new');
  });
