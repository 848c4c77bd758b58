import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, writeFileSync as plainWrite } from 'node:fs';
import { constants } from 'node:os';
import { describe, it } from 'node:test';
import { pipeline } from 'node:stream/promises';
import { inspect } from 'node:util';
import {
  atomicWrite,
  createWriter,
  JsonError,
  openPending,
  readJson,
  readVersioned,
  recover,
  replaceDirectory,
  sweep,
  transaction,
  updateFile,
  updateFileSync,
  updateJson,
  writeFile,
  writeFileSync,
  writeJson,
  WriteError,
  type ErrorCode,
  type StandardSchema,
  type Transaction,
  type WriterOptions,
  createWritableStream,
  createWriteStream,
} from 'untorn';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { newFolder } from '../support/folder.ts';
import { bindMount } from '../support/mount.ts';
import { finished, script } from '../support/run.ts';
import { scratch } from '../support/scratch.ts';

/** What a call fails with. */
async function failure(call: () => unknown): Promise<WriteError> {
  try {
    await call();
  } catch (error) {
    return error as WriteError;
  }
  return assert.fail('it did not fail');
}

const versionOf = (content: string): string => createHash('sha256').update(content).digest('hex');

const callback = (): never => assert.fail('the callback was called');
const loosely = {
  atomicWrite,
  openPending,
  readJson,
  readVersioned,
  recover,
  sweep,
  updateFile,
  updateFileSync,
  updateJson,
  writeFile,
  writeFileSync,
  writeJson,
} as unknown as Record<string, (...args: unknown[]) => unknown>;

describe('Errors say what helps', () => {
  const here = scratch();

  it('a directory that is not there: makeParents', async () => {
    for (const call of [
      () => writeFile(here.at('none/file'), ''),
      () => updateFile(here.at('none/file'), () => ''),
      () => openPending(here.at('none/file')),
    ]) {
      assert.match(
        (await failure(call)).message,
        /its directory does not exist \(ENOENT\); .*; makeParents: true makes the directory$/,
      );
    }
  });

  it('a directory that one may not write: it is the directory', async (t) => {
    const folder = newFolder(t);
    plainWrite(`${folder}/file`, 'old', { mode: 0o666 });
    const user = await needsOrdinaryUser(t, `${folder}/file`);
    if (user === undefined) return;
    chmodSync(folder, 0o555);
    const { stdout, stderr } = await finished(
      ...script('await writeFile(process.argv[1], "new").catch((error) => console.log(error.code, error.message));', {
        before: user,
        args: [`${folder}/file`],
      }),
    );
    assert.match(stdout, /^EACCES .*; the directory must be writable, since a new file is made in it\n$/, stderr);
  });

  it('a file that is mounted by itself: its directory, or in place', async (t) => {
    const folder = newFolder(t);
    for (const name of ['file', 'source']) plainWrite(`${folder}/${name}`, 'old');
    if (bindMount(t, `${folder}/source`, `${folder}/file`) === undefined) return;
    assert.match(
      (await failure(() => writeFile(`${folder}/file`, 'new'))).message,
      /\(EBUSY\).*; if it is mounted by itself, as in a container, mount its directory instead, or write into the file with fallback: 'in-place'$/,
    );
    // These cannot write in place.
    for (const call of [
      () => updateFile(`${folder}/file`, () => 'new'),
      () => writeFile(`${folder}/file`, 'new', { ifMatch: versionOf('old') }),
      () => transaction((tx) => tx.writeFile(`${folder}/file`, 'new')),
    ]) {
      const { code, message } = await failure(call);
      assert.equal(code, 'EBUSY');
      assert.match(message, /mounted by itself.*; mount its directory instead|, mount its directory instead$/);
      assert.doesNotMatch(message, /in-place/);
    }
  });

  it('a backup whose directory is not there', async () => {
    plainWrite(here.at('file'), 'old');
    plainWrite(here.at('other'), '');
    for (const [backup, expected] of [
      ['none/backup', 'ENOENT'],
      ['other/backup', 'ENOTDIR'],
    ] as const) {
      const { code, message } = await failure(() => writeFile(here.at('file'), 'new', { backup: here.at(backup) }));
      assert.deepEqual([code, here.text('file')], [expected, 'old']);
      assert.match(message, /; the directory of the backup must exist, and be writable$/);
    }
  });

  it('a removal of what is not there: force', async () => {
    assert.match(
      (await failure(() => transaction((tx) => tx.remove(here.at('none'))))).message,
      /; force: true accepts a missing file$/,
    );
    assert.doesNotMatch(
      (await failure(() => transaction((tx) => tx.rename(here.at('none'), here.at('new'))))).message,
      /force/,
    );
  });

  it('data that is a promise, a response, a function or a value', async () => {
    const hinted = async (data: unknown, hint: RegExp): Promise<void> => {
      for (const name of ['writeFile', 'writeFileSync']) {
        const error = await failure(() => loosely[name]?.(here.at('file'), data));
        assert.ok(error instanceof TypeError);
        assert.match(error.message, hint);
      }
    };
    await hinted(Promise.resolve('text'), /; await it before$/);
    await hinted(new Response('text'), /; give its "body"$/);
    await hinted(new Response(), /; give its "body", but this one has none$/);
    await hinted(callback, /, not a function: no callback is called; await the promise$/);
    await hinted({ a: 1 }, /; for JSON use writeJson\(\)$/);
    await hinted(17, /not number 17$/);
    assert.match(
      (await failure(() => loosely['writeJson']?.(here.at('file'), { a: [Promise.resolve(1)] }))).message,
      /value.a\[0\]" is an instance of Promise, which JSON cannot hold; await it before$/,
    );
    assert.match(
      (await failure(() => loosely['updateFile']?.(here.at('file'), () => ({ a: 1 })))).message,
      /; for JSON use updateJson\(\)$/,
    );
    assert.deepEqual(here.names(), []);
  });

  it('a callback, wherever it is given', async () => {
    const file = here.at('file');
    const calls: [string, ...unknown[]][] = [
      ['writeFile', file, 'new', callback],
      ['writeFile', file, 'new', 'utf8', callback],
      ['writeFile', file, 'new', {}, 1, callback],
      ['writeFileSync', file, 'new', 'utf8', callback],
      ['updateFile', file, () => 'new', callback],
      ['updateFile', file, () => 'new', 'utf8', callback],
      ['updateFileSync', file, () => 'new', {}, callback],
      ['writeJson', file, 1, callback],
      ['writeJson', file, 1, {}, callback],
      ['readJson', file, callback],
      ['readJson', file, {}, callback],
      ['updateJson', file, () => 1, {}, callback],
      ['readVersioned', file, callback],
      ['sweep', here.folder, callback],
      ['recover', here.folder, {}, callback],
      ['openPending', file, callback],
      ['atomicWrite', file, () => undefined, {}, callback],
    ];
    for (const [name, ...args] of calls) {
      const error = await failure(() => loosely[name]?.(...args));
      assert.ok(error instanceof TypeError, `${name}(${args.length})`);
      assert.match(error.message, /no callback is called; await the promise$/);
    }
    assert.deepEqual(here.names(), []);
  });

  it('an update that returns what is no content', async () => {
    for (const value of [{ a: 1 }, 17, null]) {
      for (const name of ['updateFile', 'updateFileSync']) {
        const error = await failure(() => loosely[name]?.(here.at('file'), () => value));
        assert.ok(error instanceof TypeError);
        assert.ok(
          error.message.startsWith(`The result of the update of "${here.at('file')}" must be a string`),
          error.message,
        );
      }
    }
  });

  it('a new value that the schema does not want: the value, not the file', async () => {
    const schema: StandardSchema<number> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => (typeof value === 'number' ? { value } : { issues: [{ message: 'must be a number' }] }),
      },
    };
    plainWrite(here.at('file'), '1');
    const wrong = `The new value of "${here.at('file')}" does not pass the schema: must be a number; the file is untouched`;
    const calls = [
      () => loosely['writeJson']?.(here.at('file'), 'text', { schema }),
      () => loosely['updateJson']?.(here.at('file'), () => 'text', { schema }),
      () => transaction((tx) => tx.writeJson(here.at('file'), 'text' as never, { schema: schema as never })),
    ];
    for (const call of calls) assert.equal((await failure(call)).message, wrong);
    plainWrite(here.at('file'), '"text"');
    assert.equal(
      (await failure(() => readJson(here.at('file'), { schema }))).message,
      `"${here.at('file')}" does not pass the schema: must be a number`,
    );
  });
});

describe('Errors of every function', () => {
  const here = scratch();

  it('are of the few kinds, with the path that was given and the code of the system', async () => {
    plainWrite(here.at('file'), Buffer.from([0xff]));
    const calls: [() => unknown, string, ErrorCode, string][] = [
      [() => readJson(here.at('none')), 'none', 'ENOENT', 'Cannot read'],
      [() => readJson(here.folder), '.', 'EISDIR', 'Cannot read'],
      [() => readVersioned(here.at('file/none')), 'file/none', 'ENOTDIR', 'Cannot read'],
      [() => readVersioned(here.folder), '.', 'EISDIR', 'Cannot read'],
      [() => readVersioned(here.at('file'), 'utf8'), 'file', 'ERR_ENCODING_INVALID_ENCODED_DATA', 'Cannot read'],
      [
        () => updateFile(here.at('file'), () => 'new', 'utf8'),
        'file',
        'ERR_ENCODING_INVALID_ENCODED_DATA',
        'Cannot replace',
      ],
      [() => sweep(here.at('none')), 'none', 'ENOENT', 'Cannot sweep'],
      [() => recover(here.at('none')), 'none', 'ENOENT', 'Cannot recover'],
    ];
    for (const [call, path, code, begin] of calls) {
      const error = await failure(call);
      assert.ok(WriteError.isWriteError(error), inspect(error));
      assert.deepEqual(
        [error.code, error.path, error.outcome],
        [code, path === '.' ? here.folder : here.at(path), 'old'],
      );
      assert.ok(error.message.startsWith(`${begin} "${error.path.toString()}": `), error.message);
    }
    assert.ok(JsonError.isJsonError(await failure(() => readJson(here.at('file')))));
  });

  it('show no field that is undefined, and no descriptor', async () => {
    plainWrite(here.at('file'), 'old');
    const errors = [
      await failure(() => writeFile(here.at('none/file'), '')),
      await failure(() => writeFile(here.at(`${'long'.repeat(63)}name`), 'new')),
      await failure(() => writeFile(here.at('file'), 'new', { backup: here.at(`file/backup`) })),
      await failure(() => writeFile(here.at('file'), 'new', { signal: AbortSignal.abort() })),
      await failure(() => readJson(here.at('file'))),
      await failure(() => readJson(here.at('none'))),
    ];
    for (const error of errors) assert.doesNotMatch(inspect(error), /undefined|\/proc\/self/);
  });

  it(
    'have a name for every error of Linux, and words',
    { skip: process.platform !== 'linux' && 'the numbers are those of Linux' },
    () => {
      for (const [number, code] of [
        [116, 'ESTALE'],
        [117, 'EUCLEAN'],
        [121, 'EREMOTEIO'],
        [122, 'EDQUOT'],
        [126, 'ENOKEY'],
        [constants.errno.EIO, 'EIO'],
        [4000, 'ERR_UNTORN_UNEXPECTED'],
      ] as const) {
        const unknown = `Unknown system error -${number}`;
        const cause = Object.assign(new Error(`${unknown}: ${unknown}, write`), {
          code: code === 'EIO' ? code : unknown,
          errno: -number,
          syscall: 'write',
        });
        const error = new WriteError({ path: '/file', step: 'write', outcome: 'old', cause });
        assert.equal(error.code, code);
        assert.doesNotMatch(error.message, /Unknown system error/);
        if (number !== 4000) assert.doesNotMatch(inspect(error), /Unknown system error/);
      }
    },
  );

  it('have the caller of the function in their stacks, also those of arguments that are judged later', async () => {
    for (const call of [
      () => readJson(here.at('none')),
      () => sweep(here.at('none')),
      () => updateFile(here.at('file'), () => 17 as never),
      () => transaction((tx) => void tx.remove(here.at('none'))),
    ])
      assert.match((await failure(() => theCaller(call))).stack ?? '', /theCaller/);
  });

  it('have the caller of a method in their stacks', async () => {
    plainWrite(here.at('file'), 'old');
    const written = (options?: WriterOptions): Promise<unknown> => createWriter(here.at('none/file'), options).write(1);
    const flushed = (): Promise<void> => {
      const writer = createWriter(here.at('none/file'), { onError: () => undefined });
      void writer.write(1);
      return writer.flush();
    };
    async function piece(): Promise<void> {
      await using file = await openPending(here.at('file'));
      await theCaller(() => file.write(new Set([17 as never])));
    }
    const calls: (() => unknown)[] = [
      ...[written, () => written({ onError: () => undefined }), flushed].map((call) => () => theCaller(call)),
      piece,
      ...[
        (tx: Transaction) => tx.writeFile(here.at('none/file'), 'new'),
        (tx: Transaction) => tx.writeJson(here.at('none/file'), 1),
        (tx: Transaction) => tx.remove(here.at('none')),
        (tx: Transaction) => tx.rename(here.at('none'), here.at('other')),
        (tx: Transaction) => tx.readFile(here.at('none')),
        (tx: Transaction) => tx.readJson(here.at('none')),
      ].map((call) => () => transaction((tx) => theCaller(() => call(tx)))),
    ];
    for (const call of calls) {
      const error = await failure(call);
      assert.ok(WriteError.isWriteError(error), inspect(error));
      assert.match(error.stack ?? '', /theCaller/);
    }
  });

  it('have who made a stream in its stack', async () => {
    const made = async (make: () => unknown): Promise<unknown> => make();
    const theCaller = (make: () => unknown): unknown => make();
    const path = here.at('none/file');
    const errors = [
      await failure(() => pipeline(['text'], theCaller(() => createWriteStream(path)) as NodeJS.WritableStream)),
      await failure(async () => {
        const stream = (await made(() => theCaller(() => createWritableStream(path)))) as WritableStream<string>;
        await stream.getWriter().write('text');
      }),
    ];
    for (const error of errors) assert.match(error.stack ?? '', /theCaller/);
  });

  it('name the path as it was given, whatever becomes of the working directory, and both of a rename', async () => {
    const test = script(
      `
      import * as untorn from 'untorn';
      process.chdir(process.argv[1]);
      const link = 'link';
      await untorn.replaceDirectory('site', () => undefined);
      untorn.writeFileSync('file', '1');
      untorn.writeFileSync('bad', '{');
      (await import('node:fs')).symlinkSync('none/file', link);
      const here = process.cwd();
      const tell = ({ path, dest, message }) => console.log(JSON.stringify([path, dest, message.split(': ')[0]]));
      const url = new URL('none/file', (await import('node:url')).pathToFileURL(here + '/'));
      for (const call of [
        () => untorn.writeFile('none/file', ''),
        () => untorn.writeFile('./none/file', ''),
        () => untorn.writeFile(Buffer.from('none/file'), ''),
        () => untorn.writeFile(url, ''),
        () => untorn.writeFile(link, ''),
        () => untorn.writeJson('none/file', 1),
        () => untorn.readJson('none'),
        () => untorn.readJson('bad'),
        () => untorn.updateFile('none/file', () => ''),
        () => untorn.updateJson('bad', () => 1),
        () => untorn.readVersioned('.'),
        () => untorn.sweep('none'),
        () => untorn.recover('none'),
        () => untorn.openPending('none/file'),
        () => untorn.createWriter('none/file').write(1),
        () => untorn.replaceDirectory('none/site', 'site'),
        () => untorn.transaction(() => undefined, { lock: { files: ['none/file'] } }),
      ]) {
        const promise = call();
        process.chdir('/');
        await promise.catch(tell);
        process.chdir(here);
      }
      for (const call of [
        () => untorn.transaction((tx) => tx.remove('none')),
        () => untorn.transaction((tx) => tx.readJson('bad')),
        () => untorn.transaction((tx) => tx.rename('none', 'new')),
        () => untorn.transaction((tx) => tx.rename('file', 'none/new')),
      ]) await call().catch(tell);
      try { untorn.updateFileSync('none/file', () => ''); } catch (error) { tell(error); }
      `,
      { args: [here.folder] },
    );
    const result = await finished(...test);
    assert.equal(result.stderr, '');
    const at = (path: string): string => here.at(path);
    const simple = (path: string, what = `Cannot replace "${path}"`): unknown[] => [path, null, what];
    assert.deepEqual(
      result.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      [
        simple('none/file'),
        simple('./none/file'),
        simple('none/file'),
        simple(at('none/file')),
        simple('link', `Cannot replace "link" (that is "${at('none/file')}")`),
        simple('none/file'),
        simple('none', 'Cannot read "none"'),
        simple('bad', '"bad" is not JSON'),
        simple('none/file'),
        simple('bad', '"bad" is not JSON'),
        simple('.', 'Cannot read "."'),
        simple('none', 'Cannot sweep "none"'),
        simple('none', 'Cannot recover "none"'),
        simple('none/file'),
        simple('none/file'),
        simple('none/site', 'Cannot replace directory "none/site"'),
        simple('none/file'),
        simple('none', 'Cannot remove "none"'),
        simple('bad', '"bad" is not JSON'),
        ['none', 'new', 'Cannot rename "none" to "new"'],
        ['file', 'none/new', 'Cannot rename "file" to "none/new"'],
        simple('none/file'),
      ],
    );
  });

  it('offer nothing that a function does not take', async () => {
    const error = await failure(() => replaceDirectory(here.at('none/site'), () => undefined));
    assert.match(error.message, /its directory does not exist/);
    assert.doesNotMatch(error.message, /makeParents/);
  });
});

async function theCaller(call: () => unknown): Promise<void> {
  await call();
}
