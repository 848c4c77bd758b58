/** Journals that were damaged, moved or made up: nothing is touched that a transaction did not write. */
import assert from 'node:assert/strict';
import fs, {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { recover, recoverSync, sweep, transaction, updateFile } from 'untorn';
import { encodeJournal, encodePointer, type Change } from '#untorn/journal/format.js';
import { newLockToken } from '#untorn/system/lock-owner.js';
import { newToken } from '#untorn/system/owner.js';
import { alice, as, bob, needsUsers } from '../support/as-user.ts';
import { replacing } from '../support/replacing.ts';
import { finished, script } from '../support/run.ts';
import { scratch, superuser } from '../support/scratch.ts';
// oxlint-disable-next-line import/no-unassigned-import -- it makes functions that replace those of node:fs count
import '../support/stand-ins.ts';
import { partsOf, withParts } from '../support/stale.ts';

describe('recover()', () => {
  const here = scratch();

  /** A transaction of a process that is dead: there is none with this number. */
  function deadId(): string {
    return withParts(newToken('staged'), { pid: (0x7fffffff).toString(36) }).slice('untorn-x-'.length);
  }

  /** A transaction that changes `d/f`, and is committed. Its journal is in `home`. */
  function interrupted(change: Partial<Change> = {}, state = 'committed', id = deadId()): string {
    for (const name of ['home', 'd']) mkdirSync(here.at(name));
    writeFileSync(here.at('d/f'), 'old');
    const staged = `.f.untorn-x-${id}-1.tmp`;
    writeFileSync(here.at(`d/${staged}`), 'new');
    const whole = {
      kind: 'put',
      directory: 1,
      name: 'f',
      staged,
      is: identityOf(`d/${staged}`),
      over: identityOf('d/f'),
      ...change,
    } as Change;
    const record = `home/.untorn-j-${id}.journal`;
    mkdirSync(here.at(record), { mode: 0o700 });
    own(`${record}/journal`, (ino) =>
      encodeJournal({
        id,
        ino,
        directories: [site('home', 'home'), site('home', 'd')],
        locks: [lockOf(id)],
        changes: [whole],
      }),
    );
    writeFileSync(here.at(`${record}/token.${state}`), '', { mode: 0o600 });
    own(`d/.untorn-j-${id}.pointer`, (ino) =>
      encodePointer({ id, ino, directory: site('d', 'd'), home: site('d', 'home') }),
    );
    return id;
  }

  function identityOf(name: string): { ino: bigint; size: number; mtimeNs: bigint } {
    const { ino, size, mtimeNs } = statSync(here.at(name), { bigint: true });
    return { ino, size: Number(size), mtimeNs };
  }

  function site(from: string, name: string): { relative: string; path: string; ino: bigint } {
    return {
      relative: from === name ? '.' : `../${name}`,
      path: here.at(name),
      ino: statSync(here.at(name), { bigint: true }).ino,
    };
  }

  function own(name: string, content: (ino: bigint) => Uint8Array): void {
    writeFileSync(here.at(name), '', { mode: 0o600 });
    writeFileSync(here.at(name), content(statSync(here.at(name), { bigint: true }).ino));
  }

  /** The random part of a lock of a transaction. */
  function lockOf(id: string): string {
    return `lock${id.slice(-16)}`;
  }

  /** The lock of a file in `d`, of the process that the transaction is of. */
  function lock(file: string, id: string, note: Uint8Array, lease = 1000): void {
    const token = withParts(newLockToken(lease), partsOf(`untorn-x-${id}`));
    const entry = here.at(`d/.${file}.untorn-lock/held/${token.slice(0, -20)}${lockOf(id)}`);
    mkdirSync(entry, { recursive: true });
    writeFileSync(join(entry, 'note'), note);
  }

  const rest = (directory: string): string[] =>
    existsSync(here.at(directory)) ? readdirSync(here.at(directory)).filter((name) => name.includes('untorn')) : [];

  async function keptBecause(reason: string): Promise<void> {
    for (const directory of ['home', 'd']) {
      const { completed, removed, kept } = await recover(here.at(directory));
      assert.deepEqual([completed, removed, kept.map((one) => one.reason)], [[], [], [reason]], String(kept[0]?.error));
    }
    assert.equal(here.text('d/f'), 'old');
    assert.deepEqual([rest('home').length, rest('d').length], [1, 2]);
  }

  it('completes what is committed, from either directory (G9)', async () => {
    interrupted();
    assert.deepEqual((await recover(here.at('d'))).completed, [here.at('d/f')]);
    assert.equal(here.text('d/f'), 'new');
    assert.deepEqual([...rest('home'), ...rest('d')], []);
  });

  it('finds its way where all of it was mounted or moved elsewhere (G9)', async () => {
    interrupted();
    mkdirSync(here.at('elsewhere'));
    for (const name of ['home', 'd']) renameSync(here.at(name), here.at(`elsewhere/${name}`));
    assert.deepEqual(
      (await recover(here.at('elsewhere/d'))).completed.map((path) => realpathSync(path)),
      [realpathSync(here.at('elsewhere/d/f'))],
    );
    assert.equal(here.text('elsewhere/d/f'), 'new');
  });

  it('removes what is not committed (G9)', async () => {
    interrupted({}, 'pending');
    assert.equal((await recover(here.at('home'))).removed.length, 1);
    assert.equal(here.text('d/f'), 'old');
    assert.deepEqual([...rest('home'), ...rest('d')], []);
  });

  it('leaves a file alone that was written since (G9)', async () => {
    interrupted();
    writeFileSync(here.at('d/g'), 'newer');
    renameSync(here.at('d/g'), here.at('d/f'));
    await recover(here.at('home'));
    assert.equal(here.text('d/f'), 'newer');
    assert.deepEqual([...rest('home'), ...rest('d')], []);
  });

  it('touches nothing when the journal is damaged, or of a version that it does not know', async () => {
    const id = interrupted();
    const path = here.at(`home/.untorn-j-${id}.journal/journal`);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('"put"', '"cut"'));
    await keptBecause('damaged');
    writeFileSync(path, text.slice(0, 20));
    await keptBecause('damaged');
  });

  it('touches nothing outside of the directories of the journal', async () => {
    writeFileSync(here.at('outside'), 'old');
    for (const name of ['../outside', '..', '', 'a/b']) {
      const id = interrupted({ name } as Partial<Change>);
      await keptBecause('damaged');
      for (const file of [`home/.untorn-j-${id}.journal`]) renameSync(here.at(file), here.at(`kept-${id}`));
      renameSync(here.at('home'), here.at(`home-${id}`));
      renameSync(here.at('d'), here.at(`d-${id}`));
    }
    assert.equal(here.text('outside'), 'old');
  });

  for (const [which, note] of [
    ['zeros', Buffer.alloc(200)],
    ['half of it', Buffer.from('{"untorn":"poin')],
    ['nothing', Buffer.alloc(0)],
  ] as const) {
    it(`puts right what the owner of a lock left whose note a power cut made ${which} (G9, G10)`, async () => {
      const id = interrupted();
      lock('f', id, note);
      lock('other', id, note);
      assert.equal(await updateFile(here.at('d/f'), (old) => `${String(old)}er`).then(() => here.text('d/f')), 'newer');
      assert.deepEqual(await recover(here.at('d')), { completed: [], files: [], removed: [], kept: [] });
      assert.deepEqual([...rest('home'), ...rest('d')], []);
    });
  }

  it('completes what another machine left, once the lease of its locks is over (G9)', { timeout: 60_000 }, async () => {
    const id = withParts(`untorn-x-${deadId()}`, { host: 'elsewher' }).slice('untorn-x-'.length);
    interrupted({}, 'committed', id);
    // Another lock of that machine, whose holder is alive.
    lock('other', id, Buffer.alloc(0), 3_600_000);
    lock('f', id, encodePointer({ id, ino: 0n, directory: site('d', 'd'), home: site('d', 'home') }), 100);
    let result;
    do result = await recover(here.at('d'));
    while (result.kept.some(({ reason }) => reason === 'young'));
    assert.deepEqual([result.completed, result.kept, here.text('d/f')], [[here.at('d/f')], [], 'new']);
    assert.deepEqual([rest('home'), rest('d')], [[], ['.other.untorn-lock']]);
  });

  it('removes a lock that another machine left without a transaction', { timeout: 60_000 }, async () => {
    const id = withParts(`untorn-x-${deadId()}`, { host: 'elsewher' }).slice('untorn-x-'.length);
    mkdirSync(here.at('d'));
    lock('f', id, Buffer.alloc(0), 100);
    do await recover(here.at('d'));
    while (rest('d').length > 0);
    assert.deepEqual(rest('d'), []);
  });

  it('leaves alone what another machine may still be at', async () => {
    const id = withParts(`untorn-x-${deadId()}`, { host: 'elsewher' }).slice('untorn-x-'.length);
    interrupted({}, 'committed', id);
    lock('f', id, Buffer.alloc(0), 3_600_000);
    const { completed, kept } = await recover(here.at('d'));
    assert.deepEqual([completed, kept.map(({ reason }) => reason)], [[], ['young']]);
    assert.equal(here.text('d/f'), 'old');
  });

  it('is not kept from that by what others left beside it (G9, G10)', async () => {
    const id = interrupted();
    // Wherever it comes in the listing.
    const others = Array.from({ length: 20 }, () => `.untorn-j-${deadId()}.pointer`);
    for (const name of others) {
      writeFileSync(here.at(`d/${name}`), '{}');
      chmodSync(here.at(`d/${name}`), 0o666);
    }
    lock('f', id, Buffer.alloc(0));
    await updateFile(here.at('d/f'), (old) => `${String(old)}er`);
    assert.equal(here.text('d/f'), 'newer');
    assert.deepEqual([rest('home'), rest('d').toSorted()], [[], others.toSorted()]);
  });

  it('waits for a directory that is not there (it may not be mounted), and for a home that is not', async () => {
    interrupted();
    renameSync(here.at('d'), here.at('moved'));
    mkdirSync(here.at('d'));
    const fromHome = await recover(here.at('home'));
    assert.deepEqual(
      fromHome.kept.map(({ reason }) => reason),
      ['unreachable'],
    );
    renameSync(here.at('home'), here.at('home-moved'));
    const moved = await recover(here.at('moved'));
    assert.deepEqual(
      moved.kept.map(({ reason }) => reason),
      ['unreachable'],
    );
    assert.equal(here.text('moved/f'), 'old');
    assert.deepEqual(readdirSync(here.at('d')).toSorted(), []);
    renameSync(here.at('home-moved'), here.at('home'));
    renameSync(here.at('moved'), here.at('d-again'));
    renameSync(here.at('d'), here.at('empty'));
    renameSync(here.at('d-again'), here.at('d'));
    await recover(here.at('home'));
    assert.equal(here.text('d/f'), 'new');
  });

  it('believes no journal that others can write, or that is a link (G5)', async () => {
    const id = interrupted();
    const path = here.at(`home/.untorn-j-${id}.journal/journal`);
    chmodSync(path, 0o660);
    await keptBecause('foreign');
    chmodSync(path, 0o600);
    renameSync(path, here.at('elsewhere'));
    symlinkSync(here.at('elsewhere'), path);
    await keptBecause('foreign');
  });

  it(
    "believes no journal of another user's, even as root (G5)",
    { skip: superuser ? false : 'needs the superuser' },
    async () => {
      const id = interrupted();
      chownSync(here.at(`home/.untorn-j-${id}.journal/journal`), 64_001, 64_001);
      await keptBecause('foreign');
    },
  );

  it('holds nobody up for what is not theirs', async (t) => {
    if (!(await needsUsers(t))) return;
    chmodSync(here.folder, 0o711);
    mkdirSync(here.at('shared'));
    const [unreadable, dead, staged] = ['.a.untorn-lock', '.b.untorn-lock', `.c.untorn-x-${deadId()}-1.tmp`];
    for (const name of [unreadable, dead, staged]) mkdirSync(here.at(`shared/${name}`), { mode: 0o700 });
    const held = `${dead}/held`;
    const entry = `${held}/${withParts(newLockToken(1000), { pid: (0x7fffffff).toString(36) })}`;
    mkdirSync(here.at(`shared/${entry}`), { recursive: true });
    for (const name of [unreadable, dead, held, entry]) chownSync(here.at(`shared/${name}`), alice.uid, alice.gid);
    for (const name of [dead, held]) chmodSync(here.at(`shared/${name}`), 0o1777);
    chmodSync(here.at('shared'), 0o1777);
    const source = `
      import { recover, transaction } from 'untorn';
      await transaction((tx) => tx.writeFile(process.argv[1] + '/d', 'new'));
      const { kept } = await recover(process.argv[1]);
      console.log(JSON.stringify(kept.map(({ path, reason }) => [path.slice(process.argv[1].length + 1), reason]).sort()));`;
    const { stdout, stderr } = await finished(...script(source, { before: as(bob), args: [here.at('shared')] }));
    assert.equal(stdout, `${JSON.stringify([unreadable, dead, staged].map((name) => [name, 'foreign']))}\n`, stderr);
    assert.equal(here.text('shared/d'), 'new');
  });

  for (const moved of [false, true]) {
    it(`frees what a transaction of its own could not give back${moved ? ', in a directory that was moved' : ''} (G10)`, async () => {
      mkdirSync(here.at('d'));
      for (const name of ['f', 'g']) writeFileSync(here.at(`d/${name}`), 'old');
      const source = `
        ${replacing}
        const { fsyncSync, readdirSync, renameSync } = fs;
        let [syncs, last] = [0, Infinity];
        fs.fsyncSync = (fd) => {
          if (++syncs === last) throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', errno: -5, syscall: 'fsync' });
          fsyncSync(fd);
        };
        syncBuiltinESMExports();
        const { recover, transactionSync } = await import('untorn');
        const [, d, now] = process.argv;
        const change = (content) => transactionSync((tx) => tx.writeFile(d + '/f', content), { lock: { files: [d + '/f', d + '/g'] } });
        const locks = (directory) => readdirSync(directory).filter((name) => name.includes('untorn')).sort();
        change('first');
        syncs = 0;
        change('second');
        [last, syncs] = [syncs, 0];
        let failure;
        try {
          change('new');
        } catch ({ code, outcome }) {
          failure = [code, outcome];
        }
        const left = locks(d);
        if (now !== d) renameSync(d, now);
        console.log(JSON.stringify([failure, left, await recover(now), locks(now)]));`;
      const { stdout, stderr } = await finished(
        process.execPath,
        '--input-type=module',
        '-e',
        source,
        here.at('d'),
        here.at(moved ? 'd2' : 'd'),
      );
      const [failure, left, recovered, locks] = JSON.parse(stdout) as [
        unknown,
        string[],
        { files: unknown[] },
        unknown,
      ];
      assert.deepEqual(failure, ['EIO', 'new'], stderr);
      assert.deepEqual(
        left.filter((name) => name.endsWith('lock')),
        ['.f.untorn-lock', '.g.untorn-lock'],
      );
      assert.deepEqual([recovered.files.length, locks], [1, []]);
    });
  }

  it('says nothing of what somebody else has recovered meanwhile', (t) => {
    const id = interrupted();
    const { lstatSync } = fs;
    t.mock.method(fs, 'lstatSync', (path: string, options: { bigint: true }) => {
      const found = lstatSync(path, options);
      if (path.endsWith(`${id}.pointer`)) for (const name of rest('d')) unlinkSync(here.at(`d/${name}`));
      return found;
    });
    syncBuiltinESMExports();
    try {
      assert.deepEqual(recoverSync(here.at('d')), { completed: [], files: [], removed: [], kept: [] });
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
  });

  it('is not needed by the first transaction of a process in a directory, and sweep() leaves its files alone', async () => {
    interrupted();
    assert.deepEqual(
      (await sweep(here.at('d'))).kept.map(({ reason }) => reason),
      ['transaction', 'transaction'],
    );
    await transaction((tx) => tx.writeFile(here.at('d/g'), 'new'));
    assert.equal(here.text('d/f'), 'new');
    await updateFile(here.at('d/f'), (content) => `${content}er`, 'utf8');
    assert.deepEqual(readdirSync(here.at('d')).toSorted(), ['f', 'g']);
  });
});
