import assert from 'node:assert/strict';
import {
  chmodSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  readVersioned,
  recover,
  recoverSync,
  transaction,
  transactionSync,
  updateFile,
  writeFile,
  writeFileSync as replaceSync,
  type Transaction,
  type TransactionResult,
  WriteError,
} from 'untorn';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { needsRoot, needsTools } from '../support/needs.ts';
import { finished, script } from '../support/run.ts';
import { scratch } from '../support/scratch.ts';
import { replacing } from '../support/replacing.ts';

/** What is in a directory, by names. */
function contents(directory: string): Record<string, string> {
  const files = readdirSync(directory, { withFileTypes: true, recursive: true }).filter(
    (entry) => !entry.isDirectory(),
  );
  return Object.fromEntries(
    files
      .map(
        ({ parentPath, name }) =>
          [join(parentPath, name).slice(directory.length + 1), readFileSync(join(parentPath, name), 'utf8')] as const,
      )
      .toSorted(),
  );
}

/** What a descriptor of this process leads to. */
function descriptorPath(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // Closed meanwhile.
  }
}

function failure(code: string, outcome: 'old' | 'new' = 'old'): (error: unknown) => boolean {
  return (error) => {
    assert.ok(WriteError.isWriteError(error), String(error));
    assert.deepEqual([error.code, error.outcome], [code, outcome], error.message);
    return true;
  };
}

describe('transaction()', () => {
  const here = scratch();

  it('writes, removes and renames files of several directories (G9)', async () => {
    const directory = here.folder;
    await mkdir(join(directory, 'e'));
    for (const name of ['a', 'b', 'c']) writeFileSync(join(directory, name), `old ${name}`);
    const result = await transaction(async (tx) => {
      await tx.writeFile(join(directory, 'a'), 'new a');
      await tx.remove(join(directory, 'b'));
      await tx.rename(join(directory, 'c'), join(directory, 'e', 'd'));
      await tx.writeFile(join(directory, 'e', 'f'), 'new f');
      assert.deepEqual(
        Object.keys(contents(directory)).filter((name) => !name.includes('untorn')),
        ['a', 'b', 'c'],
      );
    });
    assert.deepEqual(contents(directory), { a: 'new a', 'e/d': 'old c', 'e/f': 'new f' });
    assert.equal(result.durable, true);
    const summary = result.files.map(({ operation, path, replaced }) => [
      operation,
      String(path).slice(directory.length + 1),
      replaced,
    ]);
    assert.deepEqual(summary.toSorted(), [
      ['remove', 'b', true],
      ['rename', 'e/d', false],
      ['write', 'a', true],
      ['write', 'e/f', false],
    ]);
  });

  it('changes nothing when the callback throws, and passes its error on (G9, G10)', async () => {
    const directory = here.folder;
    writeFileSync(join(directory, 'a'), 'old');
    const error = new Error('the caller');
    await assert.rejects(
      transaction(async (tx) => {
        void tx.writeFile(join(directory, 'a'), 'new');
        await tx.writeFile(join(directory, 'b'), 'new');
        throw error;
      }),
      error,
    );
    assert.deepEqual(contents(directory), { a: 'old' });
  });

  it('changes nothing when one of its files cannot be changed, awaited or not (G4, G9)', async () => {
    const directory = here.folder;
    writeFileSync(join(directory, 'a'), 'old');
    await assert.rejects(
      transaction((tx) => void [tx.writeFile(join(directory, 'a'), 'new'), tx.remove(join(directory, 'none'))]),
      failure('ENOENT'),
    );
    await assert.rejects(
      transaction(
        (tx) =>
          void [
            tx.writeFile(join(directory, 'b'), 'new'),
            tx.writeFile(join(directory, 'a'), 'new', { overwrite: false }),
          ],
      ),
      failure('EEXIST'),
    );
    await assert.rejects(
      transaction((tx) => void [tx.writeFile(join(directory, 'b'), 'new'), tx.writeFile(directory, 'new')]),
      failure('EISDIR'),
    );
    await assert.rejects(
      transaction((tx) => void tx.writeFile(join(directory, 'b'), undefined as never)),
      TypeError,
    );
    assert.deepEqual(contents(directory), { a: 'old' });
  });

  it('names the file that is not there, and what was to be done with it', async () => {
    const directory = here.folder;
    const message = (verb: string, to = '', hint = ''): string =>
      `Cannot ${verb} "${join(directory, 'none')}"${to}: there is no such file; the target is untouched${hint}`;
    writeFileSync(join(directory, 'a'), 'old');
    await assert.rejects(
      transaction((tx) => tx.rename(join(directory, 'none'), join(directory, 'a'))),
      {
        path: join(directory, 'none'),
        dest: join(directory, 'a'),
        message: message('rename', ` to "${join(directory, 'a')}"`),
      },
    );
    await assert.rejects(
      transaction((tx) => tx.remove(join(directory, 'none'))),
      {
        path: join(directory, 'none'),
        message: message('remove', '', '; force: true accepts a missing file'),
      },
    );
    assert.deepEqual(contents(directory), { a: 'old' });
  });

  it('checks conditions at the commit (G9)', async () => {
    const directory = here.folder;
    const path = join(directory, 'a');
    await assert.rejects(
      transaction(async (tx) => {
        await tx.writeFile(join(directory, 'b'), 'new');
        await tx.writeFile(path, 'new', { overwrite: false });
        writeFileSync(path, 'somebody else');
      }),
      failure('EEXIST'),
    );
    await assert.rejects(
      transaction(async (tx) => {
        await tx.writeFile(join(directory, 'b'), 'new');
        await tx.remove(path);
        await transaction((other) => other.remove(path));
      }),
      failure('ENOENT'),
    );
    assert.deepEqual(contents(directory), {});
  });

  it('fails if a file that it read was changed by the commit (G8)', async () => {
    const directory = here.folder;
    const path = join(directory, 'count');
    writeFileSync(path, '1');
    await assert.rejects(
      transaction(async (tx) => {
        const count = Number(await tx.readFile(path, 'utf8'));
        await updateFile(path, (old) => String(Number(old) + 10), 'utf8');
        await tx.writeFile(path, String(count + 1));
      }),
      failure('ERR_VERSION_CONFLICT'),
    );
    assert.equal(readFileSync(path, 'utf8'), '11');
  });

  it('loses no update of files that it locks first (G8)', async () => {
    const directory = here.folder;
    const paths = ['a', 'b'].map((name) => join(directory, name));
    for (const path of paths) writeFileSync(path, '0');
    const add = (): Promise<TransactionResult> =>
      transaction(
        async (tx) => {
          for (const path of paths) await tx.writeFile(path, String(Number(await tx.readFile(path, 'utf8')) + 1));
        },
        { lock: { files: paths.toReversed() }, durability: 'off' },
      );
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0
          ? add()
          : updateFile(paths[index % 3 === 0 ? 0 : 1] as string, (old) => String(Number(old) + 1), {
              encoding: 'utf8',
              durability: 'off',
            }),
      ),
    );
    assert.equal(
      paths.reduce((sum, path) => sum + Number(readFileSync(path, 'utf8')), 0),
      30,
    );
    assert.deepEqual(Object.keys(contents(directory)), ['a', 'b']);
  });

  it('reads what it would leave', async () => {
    const directory = here.folder;
    for (const name of ['a', 'b', 'c']) writeFileSync(join(directory, name), `old ${name}`);
    await transaction(async (tx) => {
      const read = (name: string): Promise<string> =>
        tx.readFile(join(directory, name), 'utf8').catch((error: NodeJS.ErrnoException) => String(error.code));
      await tx.writeFile(join(directory, 'a'), 'new a');
      await tx.remove(join(directory, 'b'));
      await tx.rename(join(directory, 'c'), join(directory, 'd'));
      assert.deepEqual(await Promise.all(['a', 'b', 'c', 'd', 'e'].map(read)), [
        'new a',
        'ENOENT',
        'ENOENT',
        'old c',
        'ENOENT',
      ]);
    });
  });

  it('reads and writes JSON, in the layout of the file that is there', async () => {
    const directory = here.folder;
    writeFileSync(join(directory, 'a.json'), '{\n\t"count": 1\n}\n');
    await transaction(async (tx) => {
      const { count } = await tx.readJson<{ count: number }>(join(directory, 'a.json'));
      await tx.writeJson(join(directory, 'a.json'), { count: count + 1 });
      await tx.writeJson(join(directory, 'b.json'), [count], { indent: 2 });
      assert.deepEqual(await tx.readJson(join(directory, 'b.json')), [1]);
      assert.equal(await tx.readJson(join(directory, 'c.json'), { initial: 7 }), 7);
      await assert.rejects(tx.readJson(join(directory, 'c.json')), { code: 'ENOENT' });
    });
    transactionSync((tx) => tx.writeJson(join(directory, 'c.json'), tx.readJson(join(directory, 'a.json'))));
    assert.deepEqual(contents(directory), {
      'a.json': '{\n\t"count": 2\n}\n',
      'b.json': '[\n  1\n]\n',
      'c.json': '{"count":2}\n',
    });
    await assert.rejects(
      transaction((tx) => tx.writeJson(join(directory, 'a.json'), undefined)),
      TypeError,
    );
  });

  it('compares and swaps with ifMatch (G8)', async () => {
    const directory = here.folder;
    const path = join(directory, 'a');
    writeFileSync(path, 'old');
    const { version } = await readVersioned(path);
    await transaction((tx) => tx.writeFile(path, 'new', { ifMatch: version }));
    await assert.rejects(
      transaction(
        (tx) => void [tx.writeFile(join(directory, 'b'), 'new'), tx.writeFile(path, 'newer', { ifMatch: version })],
      ),
      failure('ERR_VERSION_CONFLICT'),
    );
    assert.deepEqual(contents(directory), { a: 'new' });
  });

  it('takes the last of several changes of one file', async () => {
    const directory = here.folder;
    writeFileSync(join(directory, 'a'), 'old');
    writeFileSync(join(directory, 'b'), 'old');
    await transaction(async (tx) => {
      await Promise.all(['1', '2', '3'].map((content) => tx.writeFile(join(directory, 'a'), content)));
      await tx.remove(join(directory, 'b'));
      await tx.writeFile(join(directory, 'b'), 'again');
      await tx.writeFile(join(directory, 'c'), 'not to stay');
      await tx.remove(join(directory, 'c'));
    });
    assert.deepEqual(contents(directory), { a: '3', b: 'again' });
    await assert.rejects(
      transaction(async (tx) => {
        await tx.rename(join(directory, 'a'), join(directory, 'd'));
        await tx.writeFile(join(directory, 'a'), 'new');
      }),
      { code: 'ERR_INVALID_STATE' },
    );
  });

  it('finds out before the commit that a file is immutable (G9)', async (t) => {
    if (!needsRoot(t) || !needsTools(t, 'chattr')) return;
    const directory = here.folder;
    const [a, b] = ['a', 'b'].map((name) => join(directory, name)) as [string, string];
    for (const name of ['a', 'b']) writeFileSync(join(directory, name), 'old');
    const attempts: ((tx: Parameters<Parameters<typeof transaction>[0]>[0]) => Promise<unknown>)[] = [
      (tx) => Promise.all([tx.writeFile(a, 'new'), tx.writeFile(b, 'new')]),
      (tx) => Promise.all([tx.writeFile(a, 'new'), tx.remove(b)]),
      (tx) => tx.rename(a, b),
      (tx) => tx.rename(b, join(directory, 'c')),
    ];
    for (const attribute of ['i', 'a']) {
      const { status, stderr } = await finished('chattr', `+${attribute}`, b);
      if (status !== 0) return t.skip(`cannot make a file immutable: ${stderr.trim()}`);
      try {
        for (const attempt of attempts) await assert.rejects(transaction(attempt), failure('EPERM'));
        assert.deepEqual(contents(directory), { a: 'old', b: 'old' });
      } finally {
        await finished('chattr', `-${attribute}`, b);
      }
    }
  });

  it('takes the last of several calls that are not awaited, also of a file that was not there', async () => {
    const directory = here.folder;
    await transaction((tx) => {
      void tx.writeFile(join(directory, 'a'), 'not to stay');
      void tx.remove(join(directory, 'a'), { force: true });
      void tx.remove(join(directory, 'b'), { force: true });
      void tx.writeFile(join(directory, 'b'), 'to stay');
    });
    assert.deepEqual(contents(directory), { b: 'to stay' });
  });

  it('makes no backup under a name that it changes otherwise, or twice (G4, G6)', async () => {
    const directory = here.folder;
    const [a, b, c] = ['a', 'b', 'c'].map((name) => join(directory, name)) as [string, string, string];
    for (const name of ['a', 'b']) writeFileSync(join(directory, name), `old ${name}`);
    const whole = contents(directory);
    const attempts: ((tx: Parameters<Parameters<typeof transaction>[0]>[0]) => Promise<unknown>)[] = [
      (tx) => Promise.all([a, b].map((path) => tx.writeFile(path, 'new', { backup: c }))),
      (tx) => Promise.all([tx.writeFile(a, 'new', { backup: c }), tx.rename(b, c)]),
      (tx) => Promise.all([tx.writeFile(a, 'new', { backup: b }), tx.writeFile(b, 'new')]),
      (tx) => tx.writeFile(a, 'new', { backup: a }),
    ];
    for (const attempt of attempts) {
      await assert.rejects(transaction(attempt), failure('EINVAL'));
      assert.deepEqual(contents(directory), whole);
    }
    const first = join(directory, 'a.~1~');
    writeFileSync(first, 'oldest');
    await transaction((tx) =>
      Promise.all([tx.writeFile(a, 'new', { backup: { numbered: 1 } }), tx.writeFile(first, 'written')]),
    );
    assert.deepEqual(contents(directory), { a: 'new', 'a.~1~': 'written', 'a.~2~': 'old a', b: 'old b' });
  });

  it('keeps mode and backups (G6)', async () => {
    const directory = here.folder;
    for (const name of ['a', 'b']) writeFileSync(join(directory, name), `old ${name}`, { mode: 0o640 });
    const { files } = await transaction(async (tx) => {
      await tx.writeFile(join(directory, 'a'), 'new', { backup: 'simple' });
      await tx.remove(join(directory, 'b'), { backup: 'numbered' });
    });
    assert.deepEqual(contents(directory), { a: 'new', 'a~': 'old a', 'b.~1~': 'old b' });
    assert.equal(statSync(join(directory, 'a')).mode & 0o777, 0o640);
    assert.deepEqual(files.map(({ backupPath }) => String(backupPath).slice(directory.length + 1)).toSorted(), [
      'a~',
      'b.~1~',
    ]);
  });

  it('replaces a read-only file that somebody touches meanwhile, with its mode (G6)', async (t) => {
    const before = await needsOrdinaryUser(t, here.folder);
    if (before === undefined) return;
    const { status, stderr } = await finished(
      ...script(
        `
      import { chmodSync, utimesSync, writeFileSync as plainWrite } from 'node:fs';
      import { transaction } from 'untorn';
      const path = process.argv[1];
      writeFileSync(path, 'old');
      chmodSync(path, 0o444);
      await transaction(async (tx) => {
        await tx.writeFile(path, 'new');
        utimesSync(path, 5, 5);
      });`,
        { before, args: [here.at('file')] },
      ),
    );
    assert.equal(status, 0, stderr);
    assert.deepEqual(
      [here.names(), here.text('file'), statSync(here.at('file')).mode & 0o7777],
      [['file'], 'new', 0o444],
    );
  });

  it('follows links for what it writes, and takes links themselves for what it removes and renames (G6)', async () => {
    const directory = here.folder;
    for (const name of ['a', 'b']) writeFileSync(join(directory, name), 'old');
    for (const name of ['to-a', 'l', 'm']) symlinkSync('a', join(directory, name));
    await transaction(async (tx) => {
      await tx.writeFile(join(directory, 'to-a'), 'new');
      await tx.remove(join(directory, 'l'));
      await tx.rename(join(directory, 'm'), join(directory, 'n'));
    });
    assert.deepEqual(contents(directory), { a: 'new', b: 'old', n: 'new', 'to-a': 'new' });
  });

  it('has its place among the calls of the process (G7)', async () => {
    const directory = here.folder;
    const path = join(directory, 'a');
    const before = writeFile(path, 'before');
    const done = transaction((tx) => tx.writeFile(path, 'transaction'));
    await before;
    await done;
    assert.equal(readFileSync(path, 'utf8'), 'transaction');
    await transaction(async (tx) => {
      await tx.writeFile(path, 'transaction');
      replaceSync(path, 'in its callback');
    });
    assert.equal(readFileSync(path, 'utf8'), 'transaction');
  });

  it('can be aborted up to the commit', async () => {
    const directory = here.folder;
    const abort = new AbortController();
    await assert.rejects(
      transaction(
        async (tx) => {
          await tx.writeFile(join(directory, 'a'), 'new');
          abort.abort();
        },
        { signal: abort.signal },
      ),
      { name: 'AbortError', code: 'ABORT_ERR' },
    );
    assert.deepEqual(contents(directory), {});
  });

  it('commits or refuses each call, however late', async () => {
    const late = async (tx: Transaction, ticks: number): Promise<'done' | 'refused'> => {
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      return tx.writeFile(here.at(`file ${ticks}`), 'new').then(
        () => 'done',
        () => 'refused',
      );
    };
    for (let ticks = 0; ticks < 12; ticks++) {
      let call: Promise<string> | undefined;
      await transaction((tx) => void (call = late(tx, ticks)));
      const [expected, names] = (await call) === 'done' ? ['done', [`file ${ticks}`]] : ['refused', []];
      assert.deepEqual(
        [ticks, expected, here.names().filter((name) => name.includes('untorn') || name === `file ${ticks}`)],
        [ticks, expected, names],
      );
    }
  });

  it(
    'leaves nothing open when it fails while files are read',
    { skip: process.platform !== 'linux' && 'there is no /proc' },
    async () => {
      const open = (): number =>
        readdirSync('/proc/self/fd', 'utf8').filter((fd) => descriptorPath(fd).startsWith(here.folder)).length;
      for (const name of ['a', 'b', 'c']) {
        await mkdir(here.at(name));
        writeFileSync(here.at(`${name}/file`), 'old');
      }
      const files = ['a/file', 'b/file', 'c/file', 'missing'];
      await assert.rejects(
        transaction((tx) => Promise.all(files.map((name) => tx.readFile(here.at(name))))),
        { code: 'ENOENT' },
      );
      await assert.rejects(
        transaction((tx) =>
          Promise.all([...files.map((name) => tx.readJson(here.at(name))), Promise.reject(new Error('mine'))]),
        ),
        { message: 'mine' },
      );
      // Directories stay open for a moment.
      while (open() > 0) await new Promise(setImmediate);
    },
  );

  it('refuses options that mean nothing in it, and calls after its end', async () => {
    const directory = here.folder;
    await assert.rejects(transaction(undefined as never), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(
      transaction(() => undefined, { backup: 'simple' } as never),
      { code: 'ERR_INVALID_ARG_VALUE' },
    );
    await assert.rejects(
      transaction(() => undefined, { lock: { files: 'a' as never } }),
      { code: 'ERR_INVALID_ARG_TYPE' },
    );
    await assert.rejects(
      transaction((tx) => tx.writeFile(join(directory, 'a'), 'new', { durability: 'off' } as never)),
      { code: 'ERR_INVALID_ARG_VALUE' },
    );
    await assert.rejects(
      transaction((tx) => tx.remove(join(directory, 'a'), { recursive: true } as never)),
      { code: 'ERR_INVALID_ARG_VALUE' },
    );
    let late: Parameters<Parameters<typeof transaction>[0]>[0] | undefined;
    assert.deepEqual((await transaction((tx) => void (late = tx))).files, []);
    await assert.rejects(async () => late?.writeFile(join(directory, 'a'), 'new'), { code: 'ERR_INVALID_STATE' });
    assert.deepEqual(contents(directory), {});
  });

  it('changes a thousand files with few descriptors', async () => {
    const directory = here.folder;
    const names = Array.from({ length: 1000 }, (_, index) => join(directory, `f${index}`));
    await transaction((tx) => void names.map((name) => tx.writeFile(name, 'new')), { durability: 'off' });
    assert.equal(Object.values(contents(directory)).filter((content) => content === 'new').length, 1000);
  });

  it('takes the mode of a file that another program has put there meanwhile (G5)', async () => {
    const directory = here.folder;
    const path = join(directory, 'a');
    writeFileSync(path, 'old');
    for (const [before, meanwhile] of [
      [0o644, 0o600],
      [0o640, 0o600],
      [0o600, 0o644],
    ] as const) {
      chmodSync(path, before);
      await transaction(async (tx) => {
        await tx.writeFile(path, 'new');
        writeFileSync(join(directory, 'other'), 'of another program');
        chmodSync(join(directory, 'other'), meanwhile);
        renameSync(join(directory, 'other'), path);
      });
      assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).mode & 0o777], ['new', meanwhile]);
    }
  });
});

describe('transactionSync()', () => {
  const here = scratch();

  it('gives a renamed file its new name before it takes the old one (G1, G9)', async () => {
    writeFileSync(here.at('old'), 'content');
    const source = `
      ${replacing}
      const [old, added] = process.argv.slice(1);
      const { unlinkSync } = fs;
      fs.unlinkSync = (path) => {
        if (path.endsWith('/old')) console.log(fs.existsSync(old), fs.existsSync(added));
        unlinkSync(path);
      };
      syncBuiltinESMExports();
      const { transactionSync } = await import('untorn');
      transactionSync((tx) => void tx.rename(old, added));`;
    const { stdout, stderr } = await finished(
      process.execPath,
      '--input-type=module',
      '-e',
      source,
      here.at('old'),
      here.at('new'),
    );
    assert.equal(stdout, 'true true\n', stderr);
    assert.deepEqual(contents(here.folder), { new: 'content' });
  });

  it('changes files together, and nothing when the callback throws or returns a promise (G9)', () => {
    const directory = here.folder;
    for (const name of ['a', 'b']) writeFileSync(join(directory, name), `old ${name}`);
    const { files } = transactionSync((tx) => {
      tx.writeFile(join(directory, 'a'), tx.readFile(join(directory, 'a'), 'utf8').replace('old', 'new'));
      tx.remove(join(directory, 'b'), { backup: 'simple' });
    });
    assert.equal(files.length, 2);
    assert.deepEqual(contents(directory), { a: 'new a', 'b~': 'old b' });
    assert.throws(
      () =>
        transactionSync((tx) => {
          tx.writeFile(join(directory, 'a'), 'newer');
          throw new Error('the caller');
        }),
      /the caller/,
    );
    assert.throws(() => transactionSync(async (tx) => tx.writeFile(join(directory, 'a'), 'newer')), {
      code: 'ERR_INVALID_RETURN_VALUE',
    });
    assert.throws(
      () =>
        transactionSync((tx) => {
          try {
            tx.remove(join(directory, 'none'));
          } catch {
            // It is not to be committed without that.
          }
          tx.writeFile(join(directory, 'a'), 'newer');
        }),
      failure('ENOENT'),
    );
    assert.deepEqual(contents(directory), { a: 'new a', 'b~': 'old b' });
  });
});

describe('transactions where the system does otherwise', () => {
  const here = scratch();

  /** Runs a program in which node:fs is changed before the package gets hold of it. */
  async function ended(changes: string, program: string): Promise<void> {
    const source = `
      ${replacing}
      import assert from 'node:assert/strict';
      const at = (name) => process.argv[1] + '/' + name;
      ${changes}
      syncBuiltinESMExports();
      const { transaction, transactionSync } = await import('untorn');
      ${program}`;
    const { status, stderr } = await finished(process.execPath, '--input-type=module', '-e', source, here.folder);
    assert.equal(status, 0, stderr);
  }

  it('pass the error of the callback on, also where a lock cannot be given back', async () => {
    const refusing = `
      const { rmdir, rmdirSync } = fs;
      let refuses = true;
      const error = Object.assign(new Error('EIO: i/o error, rmdir'), { code: 'EIO' });
      const isRefused = (path) => refuses && String(path).includes('.untorn-lock/');
      fs.rmdir = (path, done) => (isRefused(path) ? process.nextTick(done, error) : rmdir(path, done));
      fs.rmdirSync = (path) => { if (isRefused(path)) throw error; rmdirSync(path); };`;
    await ended(
      refusing,
      `
      const locking = (name) => ({ lock: { files: [at(name)] } });
      const mine = () => { throw new Error('mine'); };
      await assert.rejects(transaction(mine, locking('file')), { message: 'mine' });
      assert.throws(() => transactionSync(mine, locking('other')), { message: 'mine' });
      refuses = false;
      await transaction((tx) => tx.writeFile(at('file'), 'new'), locking('file'));
      transactionSync((tx) => tx.remove(at('other'), { force: true }), locking('other'));`,
    );
    assert.deepEqual([here.names(), here.text('file')], [['file'], 'new']);
  });

  /** Makes calls of node:fs do something else for some paths; `wrapped` says what, of one call. */
  const otherwise = (calls: readonly string[], wrapped: string): string => `
    for (const name of ${JSON.stringify(calls)}) {
      const original = fs[name + 'Sync'];
      const changed = ${wrapped};
      const sync = (...given) => changed(name, given, (...args) => original.call(fs, ...(args.length > 0 ? args : given)));
      fs[name + 'Sync'] = sync;
      fs[name] = (...given) => {
        const done = given.pop();
        let result;
        try { result = sync(...given); } catch (error) { return process.nextTick(done, error); }
        process.nextTick(done, null, result);
      };
    }
    const failing = (code) => Object.assign(new Error(code + ': by the test'), { code, errno: -1, syscall: 'test' });
    let spoiled = (path) => false;`;

  const shortNames = otherwise(
    ['open', 'link', 'rename', 'mkdir', 'unlink'],
    `(name, given, go) => {
    const created = name === 'unlink' ? given[0] : name === 'open' ? (given[1] & fs.constants.O_CREAT) !== 0 && given[0] : name === 'mkdir' ? given[0] : given[1];
    if (created && created.slice(created.lastIndexOf('/') + 1).length > 143) throw failing('ENAMETOOLONG');
    return go();
  }`,
  );

  it('have names that fit where names of files are short (G9)', async () => {
    await ended(
      shortNames,
      `
      const names = ['f', 'g'].map((one) => one.repeat(140));
      fs.writeFileSync(at(names[1]), 'old');
      await transaction(async (tx) => { for (const name of names) await tx.writeFile(at(name), 'new'); });
      transactionSync((tx) => { tx.writeFile(at(names[0]), 'newer'); tx.rename(at(names[1]), at('h'.repeat(143))); });`,
    );
    assert.deepEqual(here.names(), ['f'.repeat(140), 'h'.repeat(143)]);
    assert.deepEqual(
      here.names().map((name) => here.text(name)),
      ['newer', 'new'],
    );
  });

  it('refuse a name before the commit that is too long for its filesystem (G4, G9)', async () => {
    await ended(
      shortNames,
      `
      const expected = { code: 'ENAMETOOLONG', outcome: 'old' };
      fs.writeFileSync(at('f'), 'old');
      assert.throws(() => transactionSync((tx) => { tx.writeFile(at('f'), 'new'); tx.writeFile(at('g'.repeat(150)), 'new'); }), expected);
      await assert.rejects(transaction(async (tx) => { await tx.rename(at('f'), at('g'.repeat(200))); }), expected);`,
    );
    assert.deepEqual([here.names(), here.text('f')], [['f'], 'old']);
  });

  it('tell what each file holds when they cannot be completed after the commit (G4, G9)', async () => {
    await ended(
      otherwise(['rename'], `(name, given, go) => { if (spoiled(given[1])) throw failing('EPERM'); return go(); }`),
      `
      const { recover } = await import('untorn');
      for (const [refused, holds] of [[['f', 'g'], ['old', 'old']], [['g'], ['new', 'old']]]) {
        for (const name of ['f', 'g']) fs.writeFileSync(at(name), 'old');
        const change = [['f', 'new'], ['g', 'new']];
        for (const kind of ['sync', 'async']) {
          spoiled = (path) => refused.some((name) => path.endsWith('/' + name));
          const failure = await (async () => {
            if (kind === 'sync') return transactionSync((tx) => { for (const [name, content] of change) tx.writeFile(at(name), content); });
            return transaction(async (tx) => { for (const [name, content] of change) await tx.writeFile(at(name), content); });
          })().then(() => undefined, (error) => error);
          assert.deepEqual([failure.code, failure.outcome], ['EPERM', 'unknown']);
          assert.deepEqual(failure.files.map(({ path, holds }) => [path, holds]), [[at('f'), holds[0]], [at('g'), holds[1]]]);
          assert.match(failure.message, new RegExp(holds.filter((one) => one === 'new').length + ' of its 2 changes are made; recover'));
          spoiled = () => false;
          const { completed } = await recover(process.argv[1]);
          assert.equal(completed.length, 2);
          for (const name of ['f', 'g']) {
            assert.equal(fs.readFileSync(at(name), 'utf8'), 'new');
            fs.writeFileSync(at(name), 'old');
          }
        }
      }`,
    );
  });

  it('look whether a change was made that is reported as made, or as failed (G4, G9)', async () => {
    await ended(
      otherwise(
        ['rename', 'unlink'],
        `(name, given, go) => {
      if (!spoiled(given.at(-1))) return go();
      if (mode === 'does nothing') return undefined;
      go();
      throw failing('EIO');
    }`,
      ).replace('let spoiled', "let mode = ''; let spoiled"),
      `
      const { recover } = await import('untorn');
      for (mode of ['does nothing', 'does it and fails']) {
        for (const what of ['write', 'remove', 'rename']) {
          for (const name of ['f', 'g']) fs.writeFileSync(at(name), 'old ' + name);
          fs.rmSync(at('h'), { force: true });
          const change = (tx) => {
            tx.writeFile(at('f'), 'new f');
            if (what === 'write') tx.writeFile(at('g'), 'new g');
            else if (what === 'remove') tx.remove(at('g'));
            else tx.rename(at('g'), at('h'));
          };
          spoiled = (path) => path.endsWith('/g');
          if (mode === 'does nothing') assert.throws(() => transactionSync(change), { code: 'EIO', outcome: 'unknown' });
          else transactionSync(change);
          spoiled = () => false;
          if (mode === 'does nothing') await recover(process.argv[1]);
          const found = ['f', 'g', 'h'].map((name) => (fs.existsSync(at(name)) ? fs.readFileSync(at(name), 'utf8') : undefined));
          assert.deepEqual(found, ['new f', what === 'write' ? 'new g' : undefined, what === 'rename' ? 'old g' : undefined], mode + ' ' + what);
        }
      }`,
    );
    assert.deepEqual(
      here.names().filter((name) => name.includes('untorn')),
      [],
    );
  });

  it('leave nothing where a file of theirs was made and reported as failed (G4, G10)', async () => {
    await ended(
      otherwise(
        ['open', 'mkdir', 'link'],
        `(name, given, go) => {
      const result = go();
      if (!spoiled(given[name === 'link' ? 1 : 0])) return result;
      if (name === 'open') fs.closeSync(result);
      throw failing(mode);
    }`,
      ).replace('let spoiled', "let mode = ''; let spoiled"),
      `
      fs.mkdirSync(at('d'));
      for (mode of ['EIO', 'EACCES']) {
        for (const part of [/untorn-j-[^/]*journal$/, /\\/journal$/, /token\\.pending$/, /\\/d\\/\\.untorn-x-[^/]*$|fd.*\\/\\.untorn-x-[^/]*$/]) {
          spoiled = (path) => part.test(path);
          const change = (tx) => { tx.writeFile(at('f'), 'new'); tx.writeFile(at('d/g'), 'new'); };
          assert.throws(() => transactionSync(change), { code: mode, outcome: 'old' }, String(part));
          assert.deepEqual(fs.readdirSync(process.argv[1], { recursive: true }), ['d'], String(part));
        }
      }`,
    );
  });

  it('refuse two names that their filesystem takes for one, at once (G9)', async () => {
    // The filesystem of a Mac or a camera: it keeps the first spelling, and finds it by any other.
    const folding = otherwise(
      ['lstat', 'stat', 'open', 'link', 'rename', 'unlink', 'mkdir', 'rmdir', 'readdir'],
      `(name, given, go) => {
      const spelt = (path) => {
        if (typeof path !== 'string' || !path.startsWith('/')) return path;
        const folder = path.slice(0, path.lastIndexOf('/'));
        const last = path.slice(folder.length + 1);
        let names = [];
        try { names = readdirSync(folder); } catch {}
        return folder + '/' + (names.find((one) => one.normalize('NFC').toLowerCase() === last.normalize('NFC').toLowerCase()) ?? last);
      };
      return go(...given.map(spelt));
    }`,
    ).replace('for (const name', 'const { readdirSync } = fs; for (const name');
    await ended(
      folding,
      `
      const expected = { code: 'EINVAL', outcome: 'old', message: /takes ".*" and ".*" for one file/ };
      const both = (...names) => (tx) => { for (const name of names) tx.writeFile(at(name), 'new'); };
      assert.throws(() => transactionSync(both('a', 'A')), expected);
      await assert.rejects(transaction(async (tx) => { await tx.writeFile(at('é'), 'new'); await tx.writeFile(at('e\u0301'), 'new'); }), expected);
      fs.writeFileSync(at('b'), 'old');
      assert.throws(() => transactionSync(both('b', 'B')), expected);
      assert.throws(() => transactionSync((tx) => { tx.writeFile(at('b'), 'new'); tx.remove(at('B')); }), expected);
      transactionSync((tx) => { tx.writeFile(at('c'), 'new'); tx.writeFile(at('d'), 'new'); });`,
    );
    assert.deepEqual([here.names(), here.text('b')], [['b', 'c', 'd'], 'old']);
  });

  it('refuse to rename a file to a name that the filesystem takes for its own', async () => {
    writeFileSync(here.at('name'), 'content');
    const blind = `
      const { existsSync } = fs;
      const found = (path) => (/\\/NAME$/.test(path) && existsSync(at('name')) ? path.slice(0, -4) + 'name' : path);
      for (const name of ['lstat', 'open', 'link', 'rename', 'unlink']) {
        for (const call of [name, name + 'Sync']) {
          const original = fs[call];
          fs[call] = (...given) => original.call(fs, ...given.map((one) => (typeof one === 'string' ? found(one) : one)));
        }
      }`;
    await ended(
      blind,
      `
      assert.throws(() => transactionSync((tx) => tx.rename(at('name'), at('NAME'))), { code: 'EINVAL', outcome: 'old' });
      await assert.rejects(transaction((tx) => tx.rename(at('NAME'), at('name'))), { code: 'EINVAL', outcome: 'old' });`,
    );
    assert.deepEqual([here.names(), here.text('name')], [['name'], 'content']);
  });
});

describe('recover()', () => {
  const here = scratch();

  it('finds nothing where there is nothing', async () => {
    const directory = here.folder;
    assert.deepEqual(await recover(directory), { completed: [], files: [], removed: [], kept: [] });
    assert.deepEqual(recoverSync(directory), { completed: [], files: [], removed: [], kept: [] });
    await assert.rejects(recover(join(directory, 'none')), { code: 'ENOENT' });
    await assert.rejects(recover(directory, { olderThan: -1 }), { code: 'ERR_OUT_OF_RANGE' });
    await assert.rejects(recover(directory, { recursive: true } as never), { code: 'ERR_INVALID_ARG_VALUE' });
  });

  it('leaves alone what a live transaction is at', async () => {
    const directory = here.folder;
    await transaction(async (tx) => {
      await tx.writeFile(join(directory, 'a'), 'new');
      const { kept } = await recover(directory);
      assert.deepEqual(
        kept.map(({ reason }) => reason),
        ['alive'],
      );
    });
    assert.deepEqual(contents(directory), { a: 'new' });
  });
});
