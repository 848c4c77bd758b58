/**
 * Writes that the system cuts short, for real: a limit of the file size lets a part of the first write(2) through, and
 * fails the next.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { missing } from '../support/child.ts';
import { FileStage, scenarios } from './stage.ts';
import { Subject } from './spoiled.ts';
import type { Told } from './subject.ts';
import type { Way } from './ways.ts';

async function writeLimited(stage: FileStage, way: Way): Promise<Told | undefined> {
  const subject = await Subject.start();
  try {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(subject.pid), '--fsize=40000:'], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    return await subject.perform({ ...stage.doing, way, order: 'look' });
  } finally {
    await subject.end();
  }
}

describe(
  'a write that is cut short (G4)',
  { skip: process.platform === 'linux' ? missing('prlimit', '-V') : 'needs Linux' },
  () => {
    for (const way of ['writeFile', 'writeFileSync', 'pending', 'stream'] as const) {
      it(`${way} goes on with the rest, and fails where that fails`, async () => {
        const stage = new FileStage(scenarios.overwriting);
        try {
          const told = await writeLimited(stage, way);
          assert.equal(told?.error?.code, 'EFBIG');
          assert.equal(told.error.outcome, 'old');
          await stage.checkEnded(told, way, false);
        } finally {
          stage.remove();
        }
      });
    }

    it('catches a writer that does not look at how much was written', async () => {
      const stage = new FileStage(scenarios.overwriting);
      try {
        const told = await writeLimited(stage, 'careless');
        assert.deepEqual(told?.error, undefined);
        await assert.rejects(stage.checkEnded(told as Told, 'careless', false), /torn: 40000 bytes/);
      } finally {
        stage.remove();
      }
    });
  },
);
