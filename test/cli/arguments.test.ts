import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, shell } from './untorn.ts';

const skip =
  process.platform === 'linux'
    ? false
    : 'only Linux has file names that are not UTF-8 and shows the bytes of an argument';

describe('arguments that are not UTF-8', { skip }, () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
  });
  afterEach(() => folder.remove());

  function names(): string[] {
    return readdirSync(folder.path, 'latin1').sort();
  }

  it('name the file with those bytes, which Node.js decodes to others', async () => {
    const { status, stdout } = await shell(`f=$(printf 'caf\\351'); echo new | $untorn write --json "$f"`, {
      cwd: folder.path,
    });
    assert.equal(status, 0);
    assert.deepEqual(names(), ['caf\xe9']);
    const { path } = JSON.parse(stdout) as { path: { base64: string } };
    assert.match(Buffer.from(path.base64, 'base64').toString('latin1'), /caf\xe9$/);
  });

  it('name a backup and a directory, too', async () => {
    const line = `d=$(printf '\\377'); echo 1 | $untorn write -p "$d/file" && echo 2 | $untorn write --quiet --backup-path="$d/old" "$d/file" && $untorn sweep "$d"`;
    const { status, stderr } = await shell(line, { cwd: folder.path });
    assert.deepEqual([status, stderr], [0, '']);
    assert.deepEqual(readdirSync(Buffer.concat([Buffer.from(folder.path), Buffer.from('/\xff', 'latin1')])).sort(), [
      'file',
      'old',
    ]);
  });

  it('are not passed on to a command as something else', async () => {
    const { status, stderr } = await shell(`$untorn run file -- echo "$(printf '\\377')"`, { cwd: folder.path });
    assert.equal(status, 122);
    assert.match(stderr, /is not UTF-8 and cannot be passed on/);
    assert.deepEqual(names(), []);
  });

  it('that look the same are refused together', async () => {
    const { status, stderr } = await shell(
      `echo new | $untorn write --backup-path "$(printf '\\376')" "$(printf '\\377')"`,
      { cwd: folder.path },
    );
    assert.equal(status, 2);
    assert.match(stderr, /Two arguments look like/);
    assert.deepEqual(names(), []);
  });

  it('are told from a replacement character that was typed', async () => {
    assert.equal((await shell('echo new | $untorn write "\ufffd"', { cwd: folder.path })).status, 0);
    assert.deepEqual(folder.names(), ['\ufffd']);
  });
});
