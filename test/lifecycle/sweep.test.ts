/** What a sweep makes of many names, of clocks, and of what comes between two of its calls. */
import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openPending, type SweepResult } from 'untorn';
import { ask } from '../support/child.ts';
import { newFolder } from '../support/folder.ts';
import { withParts, type OwnerParts } from '../support/stale.ts';
import { replacing } from '../support/replacing.ts';

const onLinux = { skip: process.platform === 'linux' ? false : 'processes cannot be seen here' };

let own = '';

/** A name as a writer of another start or machine would have chosen it. */
async function nameOf(
  t: TestContext,
  kind: 't' | 'v',
  index: number,
  parts: Partial<OwnerParts> = { start: '1' },
): Promise<string> {
  if (own === '') {
    const file = await openPending(join(newFolder(t), 'file'));
    own = String(file.temporaryPath).replace(/^.*\//, '');
    await file.discard();
  }
  const name = withParts(own, parts)
    .replace('untorn-t-', `untorn-${kind}-`)
    .replace(/[0-9a-z]{20}\.tmp$/, String(index).padStart(20, '0'));
  return kind === 't' ? `${name}.tmp` : name;
}

/** Sweeps in a process that counts its calls, and does something before one of them. */
async function sweepCounting(
  folder: string,
  options: object,
  at = -1,
  meanwhile = '',
): Promise<{ calls: number; swept: SweepResult }> {
  return ask(
    `
    ${replacing}
    const [folder, options, at] = process.argv.slice(1);
    const { renameSync, symlinkSync } = fs;
    let calls = 0, armed = false;
    for (const name of ['open', 'close', 'lstat', 'fstat', 'stat', 'readdir', 'readlink', 'unlink', 'rmdir'].map((one) => one + 'Sync')) {
      const call = fs[name];
      fs[name] = (...args) => {
        if (armed && calls++ === Number(at)) { ${meanwhile} }
        return call(...args);
      };
    }
    syncBuiltinESMExports();
    const { sweepSync } = await import('untorn');
    armed = true;
    const swept = sweepSync(folder, JSON.parse(options));
    armed = false;
    console.log(JSON.stringify({ calls, swept }));`,
    [folder, JSON.stringify(options), String(at)],
  );
}

describe('sweep()', () => {
  it('makes calls in proportion to the names, whatever names they are', onLinux, async (t) => {
    const calls: number[] = [];
    for (const count of [100, 400]) {
      const folder = newFolder(t);
      for (let index = 0; index < count; index++) {
        mkdirSync(join(folder, await nameOf(t, 'v', index)));
        const file = join(folder, `file ${index}`);
        writeFileSync(file, 'x');
        linkSync(file, join(folder, await nameOf(t, 't', index)));
        symlinkSync('nowhere', join(folder, `link ${index}`));
      }
      const { calls: made, swept } = await sweepCounting(folder, {});
      assert.deepEqual([swept.removed.length, swept.recoverable.length, swept.kept], [count, count, []]);
      calls.push(made);
    }
    const [few = 0, many = 0] = calls;
    assert.ok(many < few * 5, `${few} calls for 100 of each, ${many} for 400`);
  });

  it('asks the filesystem what time it is', onLinux, async (t) => {
    const folder = newFolder(t);
    const path = join(folder, await nameOf(t, 't', 1, { host: '00000000' }));
    writeFileSync(path, 'half');
    const { kept, removed } = await ask<SweepResult>(
      `
      import { sweep } from 'untorn';
      const now = Date.now;
      Date.now = () => now() + 172_800_000;
      console.log(JSON.stringify(await sweep(process.argv[1])));`,
      [folder],
    );
    assert.deepEqual([kept, removed, existsSync(path)], [[{ path, reason: 'young' }], [], true]);
  });

  it('is not led elsewhere by a link that takes the place of a directory meanwhile', onLinux, async (t) => {
    for (let at = 0, most = 1; at < most; at++) {
      const [folder, elsewhere] = [newFolder(t), newFolder(t)];
      const name = await nameOf(t, 't', 1);
      mkdirSync(join(folder, 'below'));
      for (const directory of [join(folder, 'below'), elsewhere]) writeFileSync(join(directory, name), 'half');
      const swap = `renameSync(folder + '/below', folder + '/away'); symlinkSync(${JSON.stringify(elsewhere)}, folder + '/below');`;
      const { calls } = await sweepCounting(folder, { recursive: true }, at, swap);
      most = Math.max(most, calls);
      assert.ok(existsSync(join(elsewhere, name)), `at call ${at}`);
    }
  });
});
