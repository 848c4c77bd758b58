import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, start, untorn, type Running } from './untorn.ts';

const skip = process.platform === 'win32' ? 'Windows does not show whether a writer is alive' : false;

const onlyUnicode = process.platform === 'darwin' ? 'macOS has no names that are not UTF-8' : skip;

describe('untorn sweep', { skip }, () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
  });
  afterEach(() => folder.remove());

  /** A writer that is in the middle of its file. */
  async function writer(file: string): Promise<Running> {
    const running = start(['write', '--tee', '-p', folder.at(file)]);
    running.child.stdin?.write('new');
    await running.said('new');
    return running;
  }

  async function killedWriter(file = 'file'): Promise<void> {
    const running = await writer(file);
    running.child.kill('SIGKILL');
    await running.ended;
  }

  it('prints and removes what a killed writer left', async () => {
    await killedWriter();
    const left = folder.names();
    assert.equal(left.length, 1);
    const { status, stdout, stderr } = await untorn(['sweep', folder.path]);
    assert.deepEqual([status, stdout, stderr], [0, `${folder.at(left[0] as string)}\n`, '']);
    assert.deepEqual(folder.names(), []);
  });

  it('prints no control character of a name, and the other bytes as they are', { skip: onlyUnicode }, async () => {
    await killedWriter();
    const [left] = folder.names() as [string];
    const marks = [[0x9b], [0xc2, 0x9b], [0xe2, 0x80, 0xa8], [0xe2, 0x80, 0xae]].map((bytes) =>
      Buffer.from(bytes).toString('latin1'),
    );
    const odd = Buffer.from(left.replace('.file', `.f\xff${marks.join('x')}\xc3\xa4`), 'latin1');
    renameSync(folder.at(left), Buffer.concat([Buffer.from(`${folder.path}/`), odd]));
    const { stdout } = await untorn(['sweep', folder.path]);
    const shown = left.replace('.file', '.f\xff\\u009bx\\u009bx\\u2028x\\u202e\xc3\xa4');
    assert.equal(stdout, Buffer.from(`${folder.path}/${shown}\n`, 'latin1').toString());
  });

  it('--dry-run only prints', async () => {
    await killedWriter();
    const { stdout } = await untorn(['sweep', '--dry-run', folder.path]);
    assert.equal(stdout, `${folder.at(folder.names()[0] as string)}\n`);
    assert.equal(folder.names().length, 1);
  });

  it('--recursive also goes below, and several directories are swept', async () => {
    await killedWriter('a/file');
    await killedWriter('b/c/file');
    assert.equal((await untorn(['sweep', folder.path])).stdout, '');
    const { stdout } = await untorn(['sweep', '-r', folder.at('a'), folder.at('b')]);
    assert.equal(stdout.split('\n').length, 3);
  });

  it("keeps a live writer's file and says why (G10)", async () => {
    const running = await writer('file');
    const { status, stdout, stderr } = await untorn(['sweep', '--older-than', '0', folder.path]);
    assert.deepEqual([status, stdout], [0, '']);
    assert.match(stderr, /^untorn: Kept ".*": its writer is alive\n$/);
    assert.equal((await untorn(['sweep', '--quiet', folder.path])).stderr, '');
    running.child.stdin?.end();
    assert.equal((await running.ended).status, 0);
    assert.equal(folder.read('file'), 'new');
  });

  it('keeps what it cannot judge until it is --older-than', async () => {
    await killedWriter();
    const name = folder.names()[0] as string;
    renameSync(folder.at(name), folder.at(name.replace(/untorn-t-[0-9a-z]{8}/, 'untorn-t-otherhst')));
    assert.match((await untorn(['sweep', folder.path])).stderr, /cannot be judged/);
    assert.match((await untorn(['sweep', '--older-than', '12h', folder.path])).stderr, /cannot be judged/);
    assert.notEqual((await untorn(['sweep', '--older-than', '0s', folder.path])).stdout, '');
    assert.deepEqual(folder.names(), []);
  });

  it('never removes what was kept for recovery', async () => {
    await killedWriter();
    const name = folder.names()[0] as string;
    renameSync(folder.at(name), folder.at(name.replace('untorn-t-', 'untorn-r-')));
    const { status, stdout, stderr } = await untorn(['sweep', '--older-than', '0', folder.path]);
    assert.deepEqual([status, stdout], [0, '']);
    assert.match(stderr, /^untorn: Recoverable ".*": it was kept after a failure/);
    assert.equal(folder.names().length, 1);
  });

  it('--json tells all of it', async () => {
    await killedWriter();
    const name = folder.names()[0] as string;
    const recovery = name.replace('untorn-t-', 'untorn-r-');
    const strange = name.replace(/untorn-t-[0-9a-z]{8}/, 'untorn-t-otherhst');
    writeFileSync(folder.at(recovery), '');
    mkdirSync(folder.at(strange));
    const { status, stdout, stderr } = await untorn(['sweep', '--json', folder.path]);
    assert.deepEqual([status, stderr], [0, '']);
    assert.deepEqual(JSON.parse(stdout), {
      removed: [folder.at(name)],
      kept: [{ path: folder.at(strange), reason: 'special' }],
      recoverable: [folder.at(recovery)],
    });
  });

  it('says which directory it cannot read, and sweeps the others', async () => {
    await killedWriter();
    const { status, stdout, stderr } = await untorn(['sweep', folder.at('missing'), folder.path]);
    assert.equal(status, 1);
    assert.match(stderr, /^untorn: Cannot sweep ".*missing": no such file or directory \(ENOENT\)\n$/);
    assert.notEqual(stdout, '');
  });
});
