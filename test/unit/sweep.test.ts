import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { openPending, sweep, sweepSync, updateFile, writeFile, type SweepOptions, type SweepResult } from 'untorn';
import { ask, missing, run, start } from '../support/child.ts';
import { scratch, superuser } from '../support/scratch.ts';
import { leaveLock, withParts, type OwnerParts } from '../support/stale.ts';

const onLinux = { skip: process.platform === 'linux' ? false : 'processes cannot be seen here' };

const forms: [string, (directory: string, options?: SweepOptions) => Promise<SweepResult>][] = [
  ['sweep()', (directory, options) => sweep(directory, options)],
  ['sweepSync()', async (directory, options) => sweepSync(directory, options)],
];

let own = '';
let count = 0;
/** A file name as a writer would have chosen it. */
function nameOf(parts: Partial<OwnerParts>, kind: 't' | 'r' = 't'): string {
  return withParts(own, parts)
    .replace('untorn-t-', `untorn-${kind}-`)
    .replace(/[0-9a-z]{20}\.tmp$/, `${String(++count).padStart(20, '0')}.tmp`);
}

for (const [name, sweeping] of forms) {
  describe(name, () => {
    const here = scratch();
    const leave = async (parts: Partial<OwnerParts>, kind: 't' | 'r' = 't', folder = here.folder): Promise<string> => {
      if (own === '') {
        const file = await openPending(here.at('file'));
        own = basename(file.temporaryPath.toString());
        await file.discard();
      }
      const path = join(folder, nameOf(parts, kind));
      plainWrite(path, 'half');
      return path;
    };
    const age = (path: string): void => utimesSync(path, 1, 1);
    /** The same process number, but started at another time: that process is dead. */
    const dead = { start: '1' };

    it('removes the file of a process that is dead, by its number or by its start (G10)', async () => {
      const program = start(
        `import { openPending } from 'untorn'; await openPending(process.argv[1]); console.log('ready'); setInterval(() => {}, 1000);`,
        [here.at('target')],
      );
      await program.line();
      const [left] = here.names() as [string];
      assert.deepEqual(await sweeping(here.folder, { olderThan: 0 }), {
        removed: [],
        kept: [{ path: here.at(left), reason: 'alive' }],
        recoverable: [],
      });
      program.process.kill('SIGKILL');
      await program.ended;
      const reused = await leave(dead);
      const { removed, kept } = await sweeping(here.folder);
      assert.deepEqual([[...removed].toSorted(), kept], [[here.at(left), reused].toSorted(), []]);
      assert.deepEqual(here.names(), []);
    });

    it('leaves the files of this process, also of its other threads, at any age (G10)', async () => {
      const file = await openPending(here.at('file'));
      await file.write('new');
      const { kept, removed } = await sweeping(here.folder, { olderThan: 0 });
      assert.deepEqual([kept, removed], [[{ path: file.temporaryPath, reason: 'alive' }], []]);
      await file.commit();
      assert.equal(here.text('file'), 'new');
    });

    it('never comes between a write and its rename (G10)', async () => {
      const writes = Array.from({ length: 50 }, (_, index) =>
        writeFile(here.at(`file ${index}`), 'new', { durability: 'off' }),
      );
      let ended = false;
      const all = Promise.all(writes).finally(() => (ended = true));
      while (!ended) {
        assert.deepEqual((await sweeping(here.folder, { olderThan: 0 })).removed, []);
        await new Promise(setImmediate);
      }
      await all;
    });

    it(
      'removes the lock of a process that is dead, with its temporary file, and a lock that nobody holds (G10)',
      onLinux,
      async () => {
        const { lock } = leaveLock(here.folder, 'file', { start: '1' });
        mkdirSync(here.at('.empty.untorn-lock'));
        assert.equal((await sweeping(here.folder, { dryRun: true })).removed.length, 2);
        assert.equal(here.names().length, 2);
        const { removed, kept } = await sweeping(here.folder);
        assert.deepEqual(
          [removed.includes(lock), removed.includes(here.at('.empty.untorn-lock')), kept, here.names()],
          [true, true, [], []],
        );
      },
    );

    it('leaves locks that are held, by this process or by one that cannot be seen (G10)', async () => {
      const { lock } = leaveLock(here.folder, 'file', { host: '00000000' });
      await updateFile(here.at('held'), async () => {
        const { removed, kept } = await sweeping(here.folder, { olderThan: 3_600_000 });
        assert.deepEqual(
          [removed, Object.fromEntries(kept.map(({ path, reason }) => [path, reason]))],
          [[], { [lock]: 'young', [here.at('.held.untorn-lock')]: 'alive' }],
        );
        return 'new';
      });
      await sweeping(here.folder, { olderThan: 0 });
      assert.deepEqual(here.names(), ['held']);
    });

    it(
      'removes what a dead process had prepared to take a lock, and leaves what a live one has (G10)',
      onLinux,
      async () => {
        const { entry } = leaveLock(here.folder, 'dead', { start: '1' });
        const { lock } = leaveLock(here.folder, 'file', {});
        const dead = `1.${basename(entry)}`;
        renameSync(dirname(entry), join(lock, dead));
        const controller = new AbortController();
        const waiting = updateFile(here.at('file'), () => 'new', { signal: controller.signal });
        while (readdirSync(lock).length < 3) await new Promise(setImmediate);
        const { kept } = await sweeping(here.folder, { olderThan: 0 });
        assert.deepEqual(
          kept.map(({ path, reason }) => [path, reason]),
          [[lock, 'alive']],
        );
        assert.deepEqual([readdirSync(lock).includes(dead), readdirSync(lock).length], [false, 2]);
        controller.abort();
        await assert.rejects(waiting, { name: 'AbortError' });
      },
    );

    it('leaves the lock of a transaction that was interrupted, and what is no lock', onLinux, async () => {
      const { lock } = leaveLock(here.folder, 'file', { start: '1' }, 1, 'a journal');
      plainWrite(here.at('.own.untorn-lock'), 'a file');
      const { kept } = await sweeping(here.folder);
      assert.deepEqual(
        kept.map(({ path, reason }) => [path, reason]),
        [[lock, 'failed']],
      );
      assert.deepEqual([readdirSync(lock).length, here.names().includes('.own.untorn-lock')], [1, true]);
    });

    it('judges by age where it cannot see the writer: of another host or pid namespace', async () => {
      const unseen = [await leave({ host: '00000000' }), await leave({ namespace: '1' })];
      const young = await sweeping(here.folder, { olderThan: 3_600_000 });
      assert.deepEqual([young.removed, [...young.kept].map(({ reason }) => reason)], [[], ['young', 'young']]);
      for (const path of unseen) age(path);
      // A change of its times is a change: the age counts from the last one of any kind.
      assert.deepEqual((await sweeping(here.folder, { olderThan: 3_600_000 })).removed, []);
      assert.deepEqual([...(await sweeping(here.folder, { olderThan: 0 })).removed].toSorted(), unseen.toSorted());
    });

    it('leaves the file of another boot of this host that was changed since this one', async () => {
      const path = await leave({ boot: '00000000' });
      age(path);
      assert.deepEqual((await sweeping(here.folder)).kept, [{ path, reason: 'young' }]);
      assert.deepEqual((await sweeping(here.folder, { olderThan: 0 })).removed, [path]);
    });

    it('leaves what has another name somewhere else, and removes a name that a dead writer had linked', async () => {
      mkdirSync(here.at('elsewhere'));
      const linked = await leave(dead);
      linkSync(linked, here.at('elsewhere/other'));
      const half = await leave(dead);
      linkSync(half, here.at('target'));
      const { removed, kept } = await sweeping(here.folder, { olderThan: 0 });
      assert.deepEqual([removed, kept], [[half], [{ path: linked, reason: 'linked' }]]);
      assert.equal(here.text('target'), 'half');
    });

    it('leaves directories that have such a name, and removes symbolic links, but not what they lead to', async () => {
      plainWrite(here.at('precious'), 'precious');
      const path = await leave(dead);
      const [link, folder] = [here.at(nameOf(dead)), here.at(nameOf(dead))];
      renameSync(path, here.at('moved'));
      symlinkSync('precious', link);
      mkdirSync(folder);
      const { removed, kept } = await sweeping(here.folder, { olderThan: 0, recursive: true });
      assert.deepEqual([removed, kept], [[link], [{ path: folder, reason: 'special' }]]);
      assert.equal(here.text('precious'), 'precious');
    });

    it('tells of recovery files and never removes them, whoever they are of', async () => {
      const paths = [await leave(dead, 'r'), await leave({ host: '00000000' }, 'r'), await leave({}, 'r')];
      for (const path of paths) age(path);
      const { removed, kept, recoverable } = await sweeping(here.folder, { olderThan: 0 });
      assert.deepEqual([removed, kept, [...recoverable].toSorted()], [[], [], paths.toSorted()]);
    });

    it('leaves all that has another name', async () => {
      await leave({});
      for (const other of [
        'file',
        '.file.tmp',
        'untorn-t',
        '.file.untorn-t-1-2-3.tmp',
        'untorn-x-00000000-00000000-0-0-0-00000000000000000000',
      ])
        plainWrite(here.at(other), 'x');
      const before = here.names();
      assert.deepEqual((await sweeping(here.folder, { olderThan: 0 })).removed, []);
      assert.deepEqual(here.names(), before);
    });

    it('goes into directories below only if told to, and never through links', async () => {
      mkdirSync(here.at('a/b'), { recursive: true });
      mkdirSync(here.at('a/c'));
      symlinkSync('../c', here.at('a/b/link'));
      const deep = await leave(dead, 't', here.at('a/b'));
      const other = await leave(dead, 't', here.at('a/c'));
      assert.deepEqual((await sweeping(here.at('a'))).removed, []);
      assert.deepEqual((await sweeping(here.at('a/b'), { recursive: true })).removed, [deep]);
      assert.deepEqual((await sweeping(here.folder, { recursive: true })).removed, [other]);
    });

    it(
      'goes on where a directory below cannot be read, and says so',
      { skip: superuser && 'the superuser may read any directory' },
      async () => {
        mkdirSync(here.at('closed'));
        const path = await leave(dead);
        chmodSync(here.at('closed'), 0);
        const { removed, kept } = await sweeping(here.folder, { recursive: true });
        chmodSync(here.at('closed'), 0o700);
        assert.deepEqual(
          [removed, kept.map((file) => [file.path, file.reason, (file.error as NodeJS.ErrnoException).code])],
          [[path], [[here.at('closed'), 'failed', 'EACCES']]],
        );
      },
    );

    it('says what it could not remove', { skip: superuser && 'the superuser may remove files anywhere' }, async () => {
      const path = await leave(dead);
      chmodSync(here.folder, 0o500);
      const { removed, kept } = await sweeping(here.folder);
      assert.deepEqual(
        [removed, kept.map((file) => [file.path, file.reason, (file.error as NodeJS.ErrnoException).code])],
        [[], [[path, 'failed', 'EACCES']]],
      );
    });

    it('only tells with `dryRun`', async () => {
      const path = await leave(dead);
      assert.deepEqual((await sweeping(here.folder, { dryRun: true })).removed, [path]);
      assert.deepEqual(here.names(), [basename(path)]);
    });

    it('refuses wrong options, takes null as none, and reports a directory that is not there', async () => {
      const path = await leave(dead);
      for (const [options, error] of [
        [{ olderThan: -1 }, 'RangeError'],
        [{ olderThan: NaN }, 'RangeError'],
        [{ olderThan: '1' }, 'TypeError'],
        [{ recursive: 1 }, 'TypeError'],
        [{ dryRun: null }, 'TypeError'],
        [{ dryrun: true }, 'TypeError'],
        [5, 'TypeError'],
      ] as const) {
        await assert.rejects(
          (async () => sweeping(here.folder, options as never))(),
          { name: error, code: /^ERR_/ },
          JSON.stringify(options),
        );
      }
      await assert.rejects((async () => sweeping(1 as never))(), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
      await assert.rejects((async () => sweeping(here.at('none')))(), { code: 'ENOENT' });
      assert.deepEqual(here.names(), [basename(path)]);
      assert.deepEqual((await sweeping(here.folder, null as never)).removed, [path]);
    });
  });
}

describe('sweep(): other users and containers', () => {
  const here = scratch();

  it(
    "leaves other users' files alone",
    { skip: !superuser && 'only the superuser can leave files of others' },
    async () => {
      chmodSync(here.folder, 0o777);
      const program = await run(
        `import { openPending } from 'untorn'; await openPending(process.argv[1]); process.kill(process.pid, 'SIGKILL');`,
        [here.at('file')],
      );
      assert.equal(program.signal, 'SIGKILL');
      const [left] = here.names() as [string];
      const result = await ask<SweepResult>(
        `import { sweep } from 'untorn'; console.log(JSON.stringify(await sweep(process.argv[1], { olderThan: 0 })));`,
        [here.folder],
        { under: ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] },
      );
      assert.deepEqual(result, { removed: [], kept: [{ path: here.at(left), reason: 'foreign' }], recoverable: [] });
      chownSync(here.at(left), 1234, 1234);
      assert.deepEqual(
        (await sweep(here.folder)).removed,
        [here.at(left)],
        'the superuser had given it to its final owner',
      );
    },
  );

  it(
    'does not take a writer in another pid namespace for dead',
    { skip: missing('unshare', '-pf', '--mount-proc', 'true') },
    async () => {
      const program = start(
        `import { openPending } from 'untorn'; await openPending(process.argv[1]); console.log('ready'); process.stdin.once('data', () => process.kill(process.pid, 'SIGKILL')); `,
        [here.at('file')],
        { under: ['unshare', '-pf', '--mount-proc'] },
      );
      await program.line();
      const [left] = here.names() as [string];
      assert.deepEqual((await sweep(here.folder)).kept, [{ path: here.at(left), reason: 'young' }]);
      const outside = await openPending(here.at('other'));
      const within = await ask<SweepResult>(
        `import { sweep } from 'untorn'; console.log(JSON.stringify(await sweep(process.argv[1])));`,
        [here.folder],
        { under: ['unshare', '-pf', '--mount-proc'] },
      );
      assert.deepEqual([within.removed, within.kept.map(({ reason }) => reason)], [[], ['young', 'young']]);
      await outside.discard();
      program.process.stdin.end('end\n');
      await program.ended;
    },
  );
});
