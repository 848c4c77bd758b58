import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, fstatSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import fsWriteStreamAtomic, { type Options } from 'untorn/fs-write-stream-atomic';
import { mountNew } from '../support/mount.ts';
import { scratch } from '../support/scratch.ts';

const onWindows = process.platform === 'win32' && 'Windows has no modes';

describe('untorn/fs-write-stream-atomic', () => {
  const here = scratch();

  it('is one class, which can be called, however it is loaded', () => {
    assert.equal(createRequire(import.meta.url)('untorn/fs-write-stream-atomic'), fsWriteStreamAtomic);
    const streams = [fsWriteStreamAtomic(here.at('file')), new fsWriteStreamAtomic(here.at('file'))];
    for (const stream of streams) {
      assert.ok(stream instanceof fsWriteStreamAtomic && stream instanceof Writable);
      stream.destroy();
    }
  });

  it('opens, finishes when the content is in place, and closes after that (G1)', async () => {
    writeFileSync(here.at('file'), 'old');
    const events: string[] = [];
    const stream = fsWriteStreamAtomic(here.at('file'));
    stream.on('open', (fd: number) => events.push(`open ${fstatSync(fd).isFile()}`));
    for (const name of ['finish', 'close']) stream.on(name, () => events.push(`${name} ${here.text('file')}`));
    stream.write('n');
    stream.end('ew');
    await once(stream, 'close');
    assert.deepEqual(events, ['open true', 'finish new', 'close new']);
    assert.deepEqual(here.names(), ['file']);
  });

  it('leaves the content of one of many streams, whole', async () => {
    const streams = Array.from({ length: 10 }, () => fsWriteStreamAtomic(here.at('file')));
    for (const [index, stream] of streams.entries()) stream.write(`${index} first\n`);
    writeFileSync(here.at('file'), 'in between');
    unlinkSync(here.at('file'));
    for (const [index, stream] of streams.entries()) stream.end(`${index} last\n`);
    await Promise.all(streams.map((stream) => once(stream, 'close')));
    assert.match(here.text('file'), /^(\d) first\n\1 last\n$/);
    assert.deepEqual(here.names(), ['file']);
  });

  it('takes mode less the umask, encoding and owner', { skip: onWindows }, async () => {
    const write = async (options?: Options): Promise<number> => {
      const stream = fsWriteStreamAtomic(here.at('file'), options);
      stream.end('ff');
      await once(stream, 'close');
      return statSync(here.at('file')).mode & 0o7777;
    };
    const umask = process.umask();
    assert.equal(await write(), 0o666 & ~umask);
    chmodSync(here.at('file'), 0o600);
    assert.equal(await write(), 0o600);
    assert.equal(await write({ mode: 0o777 }), 0o777 & ~umask);
    await write({ encoding: 'hex', flags: 'wx' });
    assert.deepEqual([...readFileSync(here.at('file'))], [255]);
    const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    await write({ chown: own });
    assert.throws(() => fsWriteStreamAtomic(here.at('file'), { flags: 'r+' }), { code: 'ERR_INVALID_ARG_VALUE' });
  });

  it('keeps the old file if its source fails, if it is destroyed, or the disk is full (G4, G10)', async (t) => {
    writeFileSync(here.at('file'), 'old');
    const failing = Readable.from(
      (function* () {
        yield 'half';
        throw new Error('no more');
      })(),
    );
    await assert.rejects(pipeline(failing, fsWriteStreamAtomic(here.at('file'))), /no more/);
    const stream = fsWriteStreamAtomic(here.at('file'));
    stream.write('half');
    stream.destroy();
    await once(stream, 'close');
    assert.deepEqual([here.text('file'), here.names()], ['old', ['file']]);
    const mount = mountNew(t, 'tmpfs');
    if (mount === undefined) return;
    writeFileSync(`${mount}/file`, 'old');
    const large = [Buffer.alloc(3 << 20, 'n')];
    await assert.rejects(pipeline(large, fsWriteStreamAtomic(`${mount}/file`)), { code: 'ENOSPC', outcome: 'old' });
    assert.equal(readFileSync(`${mount}/file`, 'utf8'), 'old');
  });
});
