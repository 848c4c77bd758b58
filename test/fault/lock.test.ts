/** A filesystem whose renames of directories are not what a lock rests on. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readOptions } from '#untorn/files/settings.js';
import { updateTarget, type Change } from '#untorn/replace/locked.js';
import { Turn } from '#untorn/order/turn.js';
import { newLockedOperation } from '#untorn/files/operation.js';
import { givenPath } from '#untorn/system/paths.js';
import type { Steps, System } from '#untorn/system/port.js';
import { syncSystem } from '../support/systems.ts';
import { environment } from '#untorn/system/environment.js';
import { runSync } from '#untorn/system/systems.js';
import { leaveLock } from '../support/stale.ts';

type Rename = System['rename'];

/** FUSE, by its number in statfs(2). */
const fuse = 0x65735546;

const change: Change = function* () {
  return { content: { kind: 'bytes', bytes: Buffer.from('new') } };
};

function* update(path: string): Steps<void> {
  const operation = newLockedOperation(givenPath(path), readOptions({ lock: { timeout: 300 } }), environment, true);
  const updated = yield* updateTarget(operation, new Turn(operation), change);
  if ('error' in updated) throw updated.error;
}

const failing = (code: string): never => {
  throw Object.assign(new Error(`${code}: rename`), { code, syscall: 'rename' });
};

/** A directory that is in the way of another. */
const isInTheWay = (from: string, to: string): boolean =>
  existsSync(to) && /\/(held|\d+\.untorn-l-[^/]*)$/.test(to) && existsSync(from) && readdirSync(to).length > 0;

/** What such filesystems do. */
const wrong: Readonly<Record<string, Rename>> = {
  'moves the other away': (from, to) => {
    if (isInTheWay(String(from), String(to))) renameSync(to, `${String(to)}.moved`);
    renameSync(from, to);
  },
  'puts both together': (from, to) => {
    if (!isInTheWay(String(from), String(to))) return renameSync(from, to);
    for (const name of readdirSync(from)) renameSync(join(String(from), name), join(String(to), name));
    rmSync(from, { recursive: true });
  },
  'removes the other': (from, to) => {
    if (isInTheWay(String(from), String(to))) rmSync(to, { recursive: true });
    renameSync(from, to);
  },
};

describe('a lock on a filesystem that', () => {
  function inFolder(rename: Rename, use: (folder: string, system: System) => void): void {
    const folder = mkdtempSync(join(tmpdir(), 'untorn-fault-'));
    try {
      use(folder, { ...syncSystem, statfs: () => fuse, rename });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  for (const [what, rename] of Object.entries(wrong)) {
    it(`${what} is refused before anything is touched (G8, G10)`, () =>
      inFolder(rename, (folder, system) => {
        writeFileSync(join(folder, 'file'), 'old');
        const refused = { code: 'ERR_LOCK_UNSUPPORTED', outcome: 'old', message: /cannot lock files/ };
        assert.throws(() => runSync(update(join(folder, 'file')), system), refused);
        assert.deepEqual([readdirSync(folder), readFileSync(join(folder, 'file'), 'utf8')], [['file'], 'old']);
      }));
  }

  for (const code of ['EPERM', 'EACCES', 'EBUSY', 'EIO', 'ENOTEMPTY']) {
    const rename: Rename = (from, to) => {
      if (isInTheWay(String(from), String(to))) failing(code);
      renameSync(from, to);
    };
    it(`says ${code} of one that is held makes others wait, and take it when it is free (G8)`, () =>
      inFolder(rename, (folder, system) => {
        const { lock } = leaveLock(folder, 'file', {});
        assert.throws(() => runSync(update(join(folder, 'file')), system), {
          code: 'ERR_LOCK_TIMEOUT',
          outcome: 'old',
        });
        rmSync(lock, { recursive: true });
        runSync(update(join(folder, 'file')), system);
        assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'new');
      }));
  }

  it('puts no directory in the place of another gives one all the same (G8)', () => {
    const rename: Rename = (from, to) => {
      if (existsSync(to) && String(to).endsWith('/held')) failing('EPERM');
      renameSync(from, to);
    };
    inFolder(rename, (folder, system) => {
      leaveLock(folder, 'file', { start: '1' });
      runSync(update(join(folder, 'file')), system);
      assert.deepEqual(
        readdirSync(folder).filter((name) => name !== 'own'),
        ['file'],
      );
    });
  });

  it('fails otherwise says so (G4)', () => {
    const rename: Rename = (from, to) => (String(to).endsWith('/held') ? failing('EROFS') : renameSync(from, to));
    inFolder(rename, (folder, system) => {
      assert.throws(() => runSync(update(join(folder, 'file')), system), {
        code: 'EROFS',
        outcome: 'old',
        step: 'lock',
      });
      assert.deepEqual(readdirSync(folder), []);
    });
  });
});
