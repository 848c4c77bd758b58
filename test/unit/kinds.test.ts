/** The table of filesystems, and what is told of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { servedBy, table } from '#untorn/files/filesystems.js';

const mount = (type: string, source: string): Parameters<typeof servedBy>[0] => ({
  id: '1',
  type,
  source,
  root: '/',
  point: '/mnt',
  options: [],
});

describe('the table of filesystems', () => {
  it('is the one that docs/filesystems.md shows', () => {
    const page = readFileSync('docs/filesystems.md', 'utf8');
    const shown = /<!-- kinds -->([^]*)<!-- \/kinds -->/.exec(page)?.[1]?.trim().split('\n').slice(2) ?? [];
    const rows = shown.map((line) => line.split(' | ').map((cell) => cell.replaceAll(/^\| |[*]/g, '')));
    assert.deepEqual(
      rows.map(([label, trust]) => [label, trust]),
      table.map(({ label, trust }) => [label, trust]),
      'Write it anew with: npm run evidence -- pages',
    );
  });

  it('has no number or program twice', () => {
    const all = table.flatMap(({ numbers = [], programs = [] }) => [...numbers, ...programs]);
    assert.equal(new Set(all).size, all.length);
  });

  it('says of every unsafe one what happens there, and promises nothing', () => {
    for (const { label, trust, danger, own, local, syncsDirectories, manyClocks } of table)
      if (trust === 'unsafe')
        assert.deepEqual(
          [!danger, own, local, syncsDirectories, manyClocks],
          [false, false, false, false, true],
          label,
        );
  });
});

describe('what a mount behind FUSE is taken for', () => {
  for (const [type, source, trust] of [
    ['fuse.sshfs', 'host:', 'unsafe'],
    ['fuse.SSHFS', 'host:', 'unsafe'],
    ['fuse', 'https://host/dav', 'unsafe'],
    ['fuse', 'mountpoint-s3', 'unsafe'],
    ['fuse', 's3://bucket', 'unsafe'],
    ['fuse.gcsfuse', 'bucket', 'unsafe'],
    ['fuseblk', '/dev/sda1', 'unverified'],
    ['fuse.bindfs', '/data', 'unverified'],
    ['fuse.ceph-fuse', 'ceph-fuse', 'unverified'],
  ] as const)
    it(`${type} with the source ${source}: ${trust}`, () => {
      assert.equal(servedBy(mount(type, source)).trust, trust);
    });

  it('nothing is known without a list of mounts', () => {
    assert.deepEqual([servedBy(undefined).trust, servedBy(undefined).syncsDirectories], ['unverified', false]);
  });
});
