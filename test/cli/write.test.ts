import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, shell, start, untorn } from './untorn.ts';
import { replacing } from '../support/replacing.ts';

const posix = process.platform === 'win32' ? 'needs a POSIX shell' : false;

describe('untorn write', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
    writeFileSync(folder.at('file'), 'old');
  });
  afterEach(() => folder.remove());

  it('replaces the file with standard input, says nothing and leaves nothing else', async () => {
    const { status, stdout, stderr } = await untorn(['write', folder.at('file')], { input: 'new' });
    assert.deepEqual([status, stdout, stderr], [0, '', '']);
    assert.equal(folder.read('file'), 'new');
    assert.deepEqual(folder.names(), ['file']);
  });

  it('creates a file that was not there', async () => {
    assert.equal((await untorn(['write', folder.at('other')], { input: 'new' })).status, 0);
    assert.equal(folder.read('other'), 'new');
  });

  it('takes the path from the working directory', async () => {
    assert.equal((await untorn(['write', 'file'], { input: 'new', cwd: folder.path })).status, 0);
    assert.equal(folder.read('file'), 'new');
  });

  it('takes a name with a dash after "--"', async () => {
    assert.equal((await untorn(['write', '--', '-name'], { input: 'new', cwd: folder.path })).status, 0);
    assert.equal(folder.read('-name'), 'new');
  });

  it('makes an empty file from empty input', { skip: posix }, async () => {
    assert.equal((await shell('$untorn write file < /dev/null', { cwd: folder.path })).status, 0);
    assert.equal(folder.read('file'), '');
  });

  it('leaves the old content in place while input is still coming (G1)', async () => {
    const running = start(['write', '--tee', folder.at('file')]);
    running.child.stdin?.write('beginning');
    await running.said('beginning');
    assert.equal(folder.read('file'), 'old');
    running.child.stdin?.end(', end');
    assert.equal((await running.ended).status, 0);
    assert.equal(folder.read('file'), 'beginning, end');
  });

  it('leaves the file alone when standard input is a directory', { skip: posix }, async () => {
    const { status, stderr } = await shell('$untorn write file < /', { cwd: folder.path });
    assert.equal(status, 1);
    assert.match(stderr, /^untorn: Cannot read standard input: .*\(EISDIR\); "file" is untouched\n$/);
    assert.equal(folder.read('file'), 'old');
    assert.deepEqual(folder.names(), ['file']);
  });

  it(
    'leaves the file alone when standard input is closed',
    { skip: process.platform === 'linux' ? false : 'only Linux tells closed input from empty' },
    async () => {
      const { status, stderr } = await shell('$untorn write file <&-', { cwd: folder.path });
      assert.equal(status, 1);
      assert.match(stderr, /Standard input is closed/);
      assert.equal(folder.read('file'), 'old');
    },
  );

  it('leaves the file alone when reading fails half way', async () => {
    const preload = `${replacing}
      const read = fs.read; let calls = 0;
      fs.read = (fd, ...rest) => fd === 0 && ++calls === 2 ? rest.at(-1)(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', errno: -5 })) : read(fd, ...rest);
      fs.read[Symbol.for('nodejs.util.promisify.custom')] = (...given) => new Promise((resolve, reject) => fs.read(...given, (error, bytesRead) => error ? reject(error) : resolve({ bytesRead })));
      syncBuiltinESMExports();`;
    const { status, stderr } = await untorn(['write', folder.at('file')], { input: 'new', preload });
    assert.equal(status, 1);
    assert.match(stderr, /i\/o error \(EIO\); .* is untouched/);
    assert.equal(folder.read('file'), 'old');
    assert.deepEqual(folder.names(), ['file']);
  });

  it('leaves the file alone when the disk is full', { skip: posix }, async () => {
    const { status, stderr } = await shell('ulimit -f 8; head -c 1000000 /dev/zero | $untorn write file', {
      cwd: folder.path,
    });
    assert.equal(status, 1);
    assert.match(stderr, /^untorn: Cannot replace .*\(EFBIG\) while writing; the target is untouched\n$/);
    assert.equal(folder.read('file'), 'old');
    assert.deepEqual(folder.names(), ['file']);
  });

  for (const path of ['/dev/stdout', '/dev/null']) {
    it(`refuses ${path} and says what to use instead`, { skip: posix }, async () => {
      const { status, stderr } = await untorn(['write', path], { input: 'new' });
      assert.equal(status, 1);
      assert.match(
        stderr,
        new RegExp(`^untorn: Cannot replace "${path}": .*; use "cat > ${path}" or "tee ${path}"\n$`),
      );
      assert.equal(statSync('/dev/null').isCharacterDevice(), true);
    });
  }

  it('refuses a FIFO without waiting for its reader', { skip: posix }, async () => {
    const { status, stderr } = await shell('mkfifo fifo && echo new | $untorn write fifo', { cwd: folder.path });
    assert.equal(status, 1);
    assert.match(stderr, /FIFO.*"cat > fifo"/);
    assert.equal(statSync(folder.at('fifo')).isFIFO(), true);
  });

  it('refuses a directory', async () => {
    mkdirSync(folder.at('directory'));
    const { status, stderr } = await untorn(['write', folder.at('directory')], { input: 'new' });
    assert.equal(status, 1);
    assert.match(stderr, /^untorn: Cannot replace .* it is a directory; the target is untouched\n$/);
  });

  it('shows a stack only with UNTORN_DEBUG=1', async () => {
    const path = folder.at('missing/file');
    assert.doesNotMatch((await untorn(['write', path])).stderr, /\n./);
    assert.match((await untorn(['write', path], { env: { ...process.env, UNTORN_DEBUG: '1' } })).stderr, /\n +at /);
  });
});
