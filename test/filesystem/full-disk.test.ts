import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { apis, names, refusedWith, text } from '../support/apis.ts';
import { mountNew, type FilesystemKind } from '../support/mount.ts';
import { environment, needsTools } from '../support/needs.ts';

/** Leaves about 100 KiB free on a filesystem. */
function fill(mount: string): void {
  const filler = join(mount, 'filler');
  let size = 0;
  for (let step = 256 << 20; step >= 16 << 10; step >>= 1) {
    while (
      spawnSync('fallocate', ['--offset', `${size}`, '--length', `${step}`, filler], { env: environment }).status === 0
    )
      size += step;
  }
  truncateSync(filler, size - (100 << 10));
}

async function nearlyFull(t: TestContext, kind: FilesystemKind): Promise<string | undefined> {
  if (!needsTools(t, 'fallocate')) return undefined;
  const mount = mountNew(t, kind);
  if (mount === undefined) return undefined;
  writeFileSync(join(mount, 'file'), 'old content');
  fill(mount);
  const { bavail, bsize } = statfsSync(mount);
  assert.ok(bavail * bsize < 4 << 20, `${bavail * bsize} bytes are still free`);
  return mount;
}

for (const { name, write } of apis) {
  for (const kind of ['tmpfs', 'ext4', 'xfs', 'btrfs'] as const) {
    describe(`${name}() on a nearly full ${kind}`, () => {
      it('keeps the old file and says so (G1, G4, G10)', async (t) => {
        const mount = await nearlyFull(t, kind);
        if (mount === undefined) return;
        const before = names(mount);
        await assert.rejects(write(join(mount, 'file'), Buffer.alloc(8 << 20, 'x')), refusedWith('ENOSPC'));
        assert.equal(text(join(mount, 'file')), 'old content');
        assert.deepEqual(names(mount), before);
      });

      it('keeps the old file when an iterable fills the disk (G1, G4, G10)', async (t) => {
        const mount = await nearlyFull(t, kind);
        if (mount === undefined) return;
        const before = names(mount);
        await assert.rejects(
          write(join(mount, 'file'), Array(500).fill(Buffer.alloc(16_000, 'x'))),
          refusedWith('ENOSPC'),
        );
        assert.equal(text(join(mount, 'file')), 'old content');
        assert.deepEqual(names(mount), before);
      });
    });
  }
}
