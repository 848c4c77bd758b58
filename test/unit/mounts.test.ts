import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { hasProjects, isVolatile } from '#untorn/system/mounts.js';
import { newFolder } from '../support/folder.ts';

/** As makedev(3) has it. */
const device = (major: bigint, minor: bigint): bigint =>
  ((major & 0xfffn) << 8n) | (minor & 0xffn) | ((minor & ~0xffn) << 12n);

it('takes an overlay for volatile unless a mount says that it is not', (t) => {
  const list = join(newFolder(t), 'mountinfo');
  const line = (numbers: string, options: string): string =>
    `67 43 ${numbers} / /merged\\040here rw,relatime shared:1 - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w${options}`;
  const lines = [
    line('0:40', ',volatile'),
    line('0:41', ',uuid=on,fsync=volatile'),
    line('0:42', ''),
    line('1:300', ''),
  ];
  writeFileSync(list, `${lines.join('\n')}\n`);
  assert.deepEqual(
    [device(0n, 40n), device(0n, 41n), device(0n, 42n), device(1n, 300n), device(0n, 43n)].map((dev) =>
      isVolatile(dev, list),
    ),
    [true, true, false, false, true],
  );
  assert.equal(isVolatile(device(0n, 42n), `${list}-is-not-there`), true);
});

it('takes a filesystem for one with quotas for projects unless its mounts say that it has none', (t) => {
  const list = join(newFolder(t), 'mountinfo');
  const line = (numbers: string, options: string): string =>
    `67 43 ${numbers} / /data rw,relatime shared:1 - ext4 /dev/vdb rw${options}`;
  writeFileSync(list, `${[line('254:1', ',prjquota'), line('254:2', '')].join('\n')}\n`);
  assert.deepEqual(
    [device(254n, 1n), device(254n, 2n)].map((dev) => hasProjects(dev, list)),
    [true, false],
  );
  assert.equal(hasProjects(device(254n, 2n), `${list}-is-not-there`), true);
});
