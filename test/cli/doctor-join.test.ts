/** `untorn doctor DIR --join CODE`, by two processes of one machine. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import { told } from '#untorn/cli/join.js';
import { newFolder } from '../support/folder.ts';
import { untorn } from './untorn.ts';

const joined = {
  hosts: ['a', 'b'],
  roundTrip: [1, 20],
  clocks: 0,
  createdTwice: 0,
  createdByNobody: 0,
  acknowledged: 120,
  lost: 0,
  errors: {},
  holds: true,
} as const;

describe('untorn doctor --join', () => {
  it('says that the lock holds between two, and leaves nothing', async (t) => {
    const folder = newFolder(t);
    const both = await Promise.all(
      [['--json'], []].map((more) => untorn(['doctor', ...more, '--join', 'code', '.'], { cwd: folder })),
    );
    assert.deepEqual(
      both.map(({ status, stderr }) => [status, stderr]),
      [
        [0, ''],
        [0, ''],
      ],
    );
    const found = JSON.parse(both[0]!.stdout) as typeof joined;
    assert.deepEqual(
      [found.hosts, found.acknowledged, found.lost, found.createdTwice, found.createdByNobody, found.holds],
      [[hostname(), hostname()], 120, 0, 0, 0, true],
    );
    assert.match(
      both[1]!.stdout,
      /^met another process of this machine\n(.*\n)*120 updates of both are all in the file\n/,
    );
    assert.deepEqual(readdirSync(folder), []);
  });

  it('says what was lost', () => {
    assert.match(
      [...told({ ...joined, lost: 3, holds: false })].join('\n'),
      /3 of 120 acknowledged updates are LOST.*\nkeep no file here/s,
    );
    assert.match(
      [...told({ ...joined, createdTwice: 2, holds: false })].join('\n'),
      /2 of 40 files were created by both/,
    );
    assert.match([...told({ ...joined, clocks: 172_800_000 })].join('\n'), /the other clock is 172800\.0 s ahead/);
  });

  it('takes one directory, and a simple word', async (t) => {
    const setting = { cwd: newFolder(t) };
    assert.equal((await untorn(['doctor', '--join', 'code', '.', '.'], setting)).status, 2);
    const wrong = await untorn(['doctor', '--join', '../code', '.'], setting);
    assert.equal(wrong.status, 2);
    assert.deepEqual(readdirSync(setting.cwd), []);
  });
});
