import assert from 'node:assert/strict';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync as plainWrite,
} from 'node:fs';
import { pathToFileURL } from 'node:url';
import { relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import {
  atomicWrite,
  createWriteStream,
  openPending,
  updateFile,
  writeFile,
  writeFileSync,
  type WriteResult,
} from 'untorn';
import { ask, missing, run } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';
import { replacing } from '../support/replacing.ts';

const turnsOfTheLoop = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

const noStrace = missing('strace', '-V');

/** Runs code in a program and gives the system calls that it made, one a line. */
async function traced(calls: string, folder: string, code: string): Promise<string[]> {
  const log = `${folder}/trace`;
  const { status, stderr } = await run(code, [`${folder}/file`], {
    under: ['strace', '-f', '-y', '-qq', '-o', log, '-e', `trace=${calls}`],
  });
  assert.equal(status, 0, stderr);
  // When the native part is loaded, it tries a rename of names that are empty: that is none.
  const isTrial = /\brenameat2\(AT_FDCWD(?:<[^>]*>)?, "", AT_FDCWD(?:<[^>]*>)?, "", RENAME_NOREPLACE\) += -1 ENOENT/;
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => !isTrial.test(line));
}

describe('order in one process', () => {
  const here = scratch();

  it('replaces the file once for a thousand calls made in one go, keeps every promise, and the last wins (G7)', async () => {
    const writes = Array.from({ length: 1000 }, (_, index) => writeFile(here.at('file'), `content ${index}`));
    const results = await Promise.all(writes);
    assert.equal(here.text('file'), 'content 999');
    assert.deepEqual(here.names(), ['file']);
    assert.deepEqual(
      results.flatMap(({ superseded }, index) => (superseded ? [] : [index])),
      [999],
    );
    for (const { path, bytes, durable } of results)
      assert.deepEqual([path, bytes > 0, durable], [here.at('file'), true, results[999]?.durable]);
  });

  it('replaces the file twice for a thousand calls of which the first has begun, keeps every promise, and the last wins (G7)', async () => {
    const first = writeFile(here.at('file'), 'content 0');
    await turnsOfTheLoop(1);
    const results = await Promise.all([
      first,
      ...Array.from({ length: 999 }, (_, index) => writeFile(here.at('file'), `content ${index + 1}`)),
    ]);
    assert.equal(here.text('file'), 'content 999');
    assert.deepEqual(here.names(), ['file']);
    assert.equal(results.filter(({ superseded }) => !superseded).length, 2);
    assert.deepEqual([results[0]?.superseded, results[999]?.superseded], [false, false]);
    for (const { path, durable } of results)
      assert.deepEqual([path, durable], [here.at('file'), results[999]?.durable]);
  });

  it('resolves no call before its content or newer content is in place (G4, G7)', async () => {
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        await writeFile(here.at('file'), String(index));
        assert.ok(Number(here.text('file')) >= index);
      }),
    );
  });

  it('lets the last of all kinds of writes by all kinds of paths win (G7)', async () => {
    mkdirSync(here.at('real'));
    symlinkSync('real', here.at('alias'));
    symlinkSync('real/file', here.at('link'));
    const paths = [
      here.at('real/file'),
      here.at('alias/file'),
      here.at('link'),
      here.at('real/../alias//file'),
      relative(process.cwd(), here.at('real/file')),
      Buffer.from(here.at('link')),
      pathToFileURL(here.at('alias/file')),
    ];
    let content = 0;
    for (let round = 0; round < 12; round++) {
      const calls: Promise<unknown>[] = [];
      for (let index = 0; index < 40; index++) {
        const path = paths[(index * 5 + round) % paths.length] as string;
        const text = String(++content);
        if (index % 8 === 3) writeFileSync(path, text);
        else if (index % 8 === 5) calls.push(atomicWrite(path, (file) => file.write('early')));
        else calls.push(writeFile(path, text));
        if (index % 10 === 0) await turnsOfTheLoop(round);
      }
      await Promise.all(calls.slice(0, -1));
      calls.push(writeFile(paths[round % paths.length] as string, 'last'));
      await Promise.all(calls);
      assert.equal(here.text('real/file'), 'last');
    }
    assert.deepEqual([here.names(), readdirSync(here.at('real'))], [['alias', 'link', 'real'], ['file']]);
  });

  it('lets the last of many un-awaited calls by different paths win (G7)', async () => {
    mkdirSync(here.at('real'));
    symlinkSync('real', here.at('alias'));
    symlinkSync('alias/file', here.at('link'));
    const paths = ['real/file', 'alias/file', 'link'].map(here.at);
    for (let round = 0; round < 60; round++) {
      const calls = Array.from({ length: 9 }, (_, index) =>
        writeFile(paths[(index * 7 + round) % 3] as string, `${round}.${index}`, { durability: 'off' }),
      );
      await turnsOfTheLoop(round % 6);
      calls.push(writeFile(paths[round % 3] as string, `${round}.last`, { durability: 'off' }));
      await Promise.all(calls);
      assert.equal(here.text('real/file'), `${round}.last`);
    }
  });

  it('numbers streams and pending files by their commit (G7)', async () => {
    const file = await openPending(here.at('file'));
    await file.write('pending');
    await pipeline(['stream'], createWriteStream(here.at('file')));
    assert.equal(here.text('file'), 'stream');
    const calls = [writeFile(here.at('file'), 'before'), file.commit()];
    await Promise.all(calls);
    assert.equal(here.text('file'), 'pending');
  });

  it('lets a synchronous write win over an asynchronous one at any of its steps (G7)', async () => {
    for (const options of [{}, { durability: 'off' }, { ifUnchanged: 'skip' }] as const) {
      for (let turns = 0; turns < 60; turns++) {
        plainWrite(here.at('file'), 'new of the synchronous one');
        const written = writeFile(here.at('file'), 'old', options);
        await turnsOfTheLoop(turns);
        writeFileSync(here.at('file'), 'new of the synchronous one', options);
        assert.equal(here.text('file'), 'new of the synchronous one');
        await written;
        assert.equal(
          here.text('file'),
          'new of the synchronous one',
          `after ${turns} turns with ${JSON.stringify(options)}`,
        );
        assert.deepEqual(here.names(), ['file']);
      }
    }
  });

  it('lets a synchronous write win over a source, a stream and a commit that are under way (G7)', async () => {
    for (let turns = 0; turns < 40; turns++) {
      const file = await openPending(here.at('file'));
      await file.write('pending');
      const stream = createWriteStream(here.at('file'));
      stream.end('stream');
      const ended = new Promise((resolve) => stream.on('finish', resolve));
      await new Promise((resolve) => stream.once('prefinish', resolve));
      const calls = [file.commit(), ended];
      await turnsOfTheLoop(turns);
      writeFileSync(here.at('file'), 'synchronous');
      await Promise.all(calls);
      assert.equal(here.text('file'), 'synchronous', `after ${turns} turns`);
    }
    assert.deepEqual(here.names(), ['file']);
  });

  it('lets a write win that comes from the data of an earlier one, although that ends later (G7)', () => {
    for (const options of [{}, { durability: 'off' }, { ifUnchanged: 'skip' }, { mode: 0o600 }] as const) {
      plainWrite(here.at('file'), 'old');
      function* data(): Generator<string> {
        yield 'outer';
        assert.equal(writeFileSync(here.at('file'), 'inner', options).superseded, false);
        yield ' and the rest of it';
      }
      if ('mode' in options)
        assert.throws(() => writeFileSync(here.at('file'), data(), options), { code: 'ERR_UNTORN_OVERTAKEN' });
      else assert.equal(writeFileSync(here.at('file'), data(), options).superseded, true);
      assert.equal(here.text('file'), 'inner');
    }
    writeFileSync(here.at('file'), 'next');
    assert.deepEqual([here.text('file'), here.names()], ['next', ['file']]);
  });

  it(
    'syncs the parents that it made without syncing them, however many there are (G3)',
    { skip: process.platform !== 'linux' && 'there is no /proc' },
    async () => {
      const synced = await ask<string[]>(
        `
      ${replacing}
      const { fsyncSync } = fs;
      const synced = [];
      fs.fsyncSync = (fd) => {
        synced.push(fs.readlinkSync('/proc/self/fd/' + fd));
        fsyncSync(fd);
      };
      syncBuiltinESMExports();
      const { writeFileSync } = await import('untorn');
      const folder = process.argv[1];
      for (let number = 0; number < 250; number++) writeFileSync(folder + '/made/' + number + '/a/b/c/d/file', '', { durability: 'off', makeParents: true });
      for (const number of [3, 249]) writeFileSync(folder + '/made/' + number + '/a/b/c/d/other', '');
      console.log(JSON.stringify(synced.filter((path) => !path.includes('.untorn-'))));
    `,
        [here.folder],
      );
      for (const number of [3, 249])
        assert.ok(
          [`made/${number}/a/b/c`, `made/${number}/a`, `made/${number}`, 'made'].every((name) =>
            synced.includes(here.at(name)),
          ),
          `${number}: ${synced.join(' ')}`,
        );
    },
  );

  it('counts a write that finds its bytes in place: older calls do not come after it (G7)', async () => {
    const calls = [writeFile(here.at('file'), 'b')];
    await turnsOfTheLoop(1);
    calls.push(writeFile(here.at('file'), 'c'), writeFile(here.at('file'), 'b', { ifUnchanged: 'skip' }));
    const results = await Promise.all(calls);
    assert.equal(here.text('file'), 'b');
    assert.deepEqual(
      results.map(({ unchanged, superseded }) => ({ unchanged, superseded })),
      [
        { unchanged: false, superseded: false },
        { unchanged: false, superseded: true },
        { unchanged: true, superseded: false },
      ],
    );
  });

  it('writes the next newest when the newest fails (G7)', async () => {
    const failures = [
      (path: string) => writeFile(path, 'newest', { overwrite: false }),
      (path: string) => writeFile(path, 'newest', { hardLink: 'refuse' }),
      (path: string) => writeFile(path, 'newest', { signal: AbortSignal.abort() }),
      (path: string) => writeFile(path, ['newest', undefined as never].values() as never),
      (path: string) =>
        writeFile(path, 'newest', {
          temporary: { suffix: 'x'.repeat(64), prefix: 'x'.repeat(64) },
          backup: here.at('none/backup'),
        }),
    ];
    for (const fail of failures) {
      const path = here.at(`file ${failures.indexOf(fail)}`);
      plainWrite(path, 'old');
      linkSync(path, `${path} linked`);
      // The first must not be done yet: it would break the link.
      const calls = [writeFile(path, 'next newest'), fail(path)];
      const [next, newest] = await Promise.allSettled(calls);
      if (newest?.status === 'rejected') assert.equal(newest.reason.outcome, 'old');
      assert.equal(next?.status, 'fulfilled');
      const first = writeFile(path, 'first');
      const second = writeFile(path, 'second');
      const third = writeFile(path, 'third', { backup: here.at('none/backup') });
      await assert.rejects(third, { code: 'ENOENT', outcome: 'old' });
      await Promise.all([first, second]);
      assert.equal(readFileSync(path, 'utf8'), 'second');
    }
  });

  it('aborts a call that waits, and only that', async () => {
    const controller = new AbortController();
    const calls = [
      writeFile(here.at('file'), 'first'),
      writeFile(here.at('file'), 'second'),
      writeFile(here.at('file'), 'third', { signal: controller.signal }),
    ];
    await turnsOfTheLoop(1);
    controller.abort();
    const [first, second, third] = await Promise.allSettled(calls);
    assert.deepEqual([first?.status, second?.status, third?.status], ['fulfilled', 'fulfilled', 'rejected']);
    assert.equal(here.text('file'), 'second');
  });

  it('skips no call that does more than set the content, and keeps it in its place (G7)', async () => {
    const path = here.at('file');
    const calls = [
      writeFile(path, '1'),
      writeFile(path, '2'),
      writeFile(path, '3', { mode: 0o640 }),
      writeFile(path, '4'),
      writeFile(path, '5', { backup: 'numbered' }),
      writeFile(path, '6'),
      writeFile(path, '7', { overwrite: false }).then(
        () => assert.fail('it resolved'),
        (error: { code: string }) => (assert.equal(error.code, 'EEXIST'), undefined),
      ),
      writeFile(path, '8', { backup: 'simple' }),
      writeFile(path, '9'),
    ];
    const results = (await Promise.all(calls)) as (WriteResult | undefined)[];
    assert.deepEqual([here.text('file'), here.text('file.~1~'), here.text('file~')], ['9', '4', '6']);
    assert.equal(statSync(path).mode & 0o777, 0o640);
    assert.deepEqual(
      results.map((result) => result?.superseded),
      [true, false, false, false, false, false, undefined, false, false],
    );
  });

  it('creates only if the file was not there, whatever synchronous write comes between', async () => {
    for (let turns = 0; turns < 40; turns++) {
      const path = here.at(`file ${turns}`);
      const created = writeFile(path, 'created', { overwrite: false }).then(
        () => 'created',
        (error: NodeJS.ErrnoException) => error.code,
      );
      await turnsOfTheLoop(turns);
      writeFileSync(path, 'synchronous');
      assert.match(String(await created), /^(created|EEXIST)$/);
      assert.equal(readFileSync(path, 'utf8'), 'synchronous');
    }
    assert.equal(here.names().length, 40);
  });

  it('gives an overtaken call the durability that it asked for (G3, G7)', { skip: noStrace }, async () => {
    const calls = await traced(
      'fsync,fdatasync,rename,renameat,renameat2',
      here.folder,
      `
      import { writeFile } from 'untorn';
      const path = process.argv[1];
      const results = await Promise.all([writeFile(path, 'a', { durability: 'off' }), writeFile(path, 'b', { durability: 'full' }), writeFile(path, 'c', { durability: 'off' })]);
      if (results[1].superseded !== true || results[1].durable === false) throw new Error(JSON.stringify(results));
    `,
    );
    const renames = calls.flatMap((line, index) => (line.includes('rename') ? [index] : []));
    assert.equal(renames.length, 1, calls.join('\n'));
    const syncs = calls.slice(renames[0]).filter((line) => /f(data)?sync\(/.test(line));
    assert.equal(syncs.length, 2, calls.join('\n'));
    assert.equal(here.text('file'), 'c');
  });

  it('lets the callback of an update write other files, however many sources wait for its end', async () => {
    let waiting: Promise<unknown>[] = [];
    await updateFile(here.at('file'), async () => {
      waiting = Array.from({ length: 40 }, () => writeFile(here.at('file'), ['later']));
      await writeFile(here.at('other'), ['other']);
      return 'updated';
    });
    await Promise.all(waiting);
    assert.deepEqual([here.text('file'), here.text('other'), here.names()], ['later', 'other', ['file', 'other']]);
  });

  it('begins all calls by another path that wait while an update goes on (G7)', async () => {
    mkdirSync(here.at('directory'));
    symlinkSync('directory', here.at('link'));
    const path = here.at('directory/file');
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    let begun: Promise<void> | undefined;
    await new Promise<void>((resolve) => {
      begun = updateFile(path, async () => {
        resolve();
        await finished;
        return 'update';
      }).then(() => undefined);
    });
    // The first of them finds that it is the same file, and takes the others along.
    const writes = [1, 2, 3, 4, 5].map((number) => writeFile(here.at('link/file'), `content ${number}`));
    await turnsOfTheLoop(20);
    finish();
    await Promise.all([begun, ...writes]);
    assert.equal(readFileSync(path, 'utf8'), 'content 5');
    await writeFile(path, 'last');
    assert.equal(readFileSync(path, 'utf8'), 'last');
  });

  it(
    'keeps descriptors, temporary files and memory bounded while 10,000 calls wait',
    { skip: process.platform !== 'linux' && 'there is no /proc' },
    async () => {
      const most = await ask<{ descriptors: number; temporaries: number; megabytes: number; last: boolean }>(
        `
      import { readdirSync, readFileSync } from 'node:fs';
      import { dirname } from 'node:path';
      import { setFlagsFromString } from 'node:v8';
      import { runInNewContext } from 'node:vm';
      import { writeFile } from 'untorn';
      setFlagsFromString('--expose-gc');
      const gc = runInNewContext('gc');
      // What is in use, not what the collector has not got round to: that differs between versions of Node.
      const used = () => (gc(), process.memoryUsage().heapUsed + process.memoryUsage().external);
      const path = process.argv[1];
      const folder = dirname(path);
      let ended = false;
      let looks = 0;
      const most = { descriptors: 0, temporaries: 0, megabytes: 0 };
      const before = used();
      const look = () => {
        most.descriptors = Math.max(most.descriptors, readdirSync('/proc/self/fd').length);
        most.temporaries = Math.max(most.temporaries, readdirSync(folder).filter((name) => name.includes('untorn-')).length);
        if (looks++ % 20 === 0) most.megabytes = Math.max(most.megabytes, (used() - before) / 1e6);
        if (!ended) setImmediate(look);
      };
      const bytes = Buffer.alloc(4000, 'x');
      const lines = function* () { yield 'x'; yield 'y'; };
      const sources = [() => ['x', 'y'], lines, () => new Blob(['x'])];
      // Half of them for one file, half for files of their own.
      const calls = Array.from({ length: 10_000 }, (_, index) => writeFile(index % 2 ? path : path + index % 1000, index % 15 ? bytes : sources[index / 15 % 3](), { durability: 'off' }));
      calls.push(writeFile(path, 'last'));
      look();
      await Promise.all(calls);
      ended = true;
      console.log(JSON.stringify({ ...most, last: readFileSync(path, 'utf8') === 'last' }));
    `,
        [here.at('file')],
      );
      assert.equal(most.last, true);
      assert.ok(most.descriptors < 200, `${most.descriptors} descriptors`);
      assert.ok(most.temporaries <= 80, `${most.temporaries} temporary files`);
      assert.ok(most.megabytes < 90, `${most.megabytes} MB`);
    },
  );
});

describe('durability', () => {
  const here = scratch();
  const once = (durability: string): string =>
    `import { writeFile } from 'untorn'; await writeFile(process.argv[1], 'new', { durability: '${durability}' });`;
  // A write through O_SYNC is a write and an fsync(2).
  const kinds = (calls: string[]): string[] => {
    const synced = /\bopenat\(.*untorn-t-.*O_SYNC/.exec(calls.join('\n')) !== null;
    return calls.flatMap((line) => {
      if (synced && /\bwrite\(\d+<[^>]*untorn-t-/.test(line)) return ['fsync'];
      return /\b(fsync|rename)(?:at2?)?\(/.exec(line.replace('fdatasync', 'fsync'))?.[1] ?? [];
    });
  };
  const calls = 'openat,write,fsync,fdatasync,rename,renameat,renameat2';

  for (const [durability, expected] of [
    ['full', ['fsync', 'rename', 'fsync']],
    ['normal', ['fsync', 'rename']],
    ['off', ['rename']],
  ] as const) {
    it(
      `'${durability}' makes these calls, in this order: ${expected.join(', ')} (G2, G3)`,
      { skip: noStrace },
      async () => {
        assert.deepEqual(kinds(await traced(calls, here.folder, once(durability))), expected);
      },
    );
  }

  it(
    'shares directory syncs between concurrent writes, and the last begins after the last rename (G3)',
    { skip: noStrace },
    async () => {
      const made = await traced(
        calls,
        here.folder,
        `
      import { writeFile } from 'untorn';
      await Promise.all(Array.from({ length: 200 }, (_, index) => writeFile(process.argv[1] + index, 'new')));
    `,
      );
      const syncs = made.flatMap((line, index) =>
        line.includes('fsync(') && line.includes(`<${here.folder}>`) ? [index] : [],
      );
      const lastRename = made.findLastIndex((line) => line.includes('rename'));
      assert.ok(syncs.length > 0 && syncs.length < 100, `${syncs.length} directory syncs`);
      assert.ok((syncs.at(-1) as number) > lastRename);
      assert.equal(
        made
          .filter((line) => line.includes('rename(') || line.includes('renameat'))
          .filter((line) => !line.includes('resumed')).length,
        200,
      );
    },
  );
});
