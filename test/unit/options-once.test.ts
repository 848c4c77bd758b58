import assert from 'node:assert/strict';
import { statSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { runInNewContext } from 'node:vm';
import {
  createWriter,
  createWriteStream,
  openPending,
  openPendingSync,
  readJson,
  readVersioned,
  recover,
  replaceDirectory,
  sweep,
  transaction,
  updateFile,
  updateJson,
  writeFile,
  writeFileSync,
  writeJson,
  type TransactionOptions,
  type WriteOptions,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

/** Options as getters, which count how often they are read. */
function counting(values: object, counts: Record<string, number>, within = ''): object {
  const counted = {};
  for (const [name, value] of Object.entries(values)) {
    const inner: unknown =
      typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
        ? counting(value as object, counts, `${within}${name}.`)
        : value;
    Object.defineProperty(counted, name, {
      enumerable: true,
      get() {
        counts[within + name] = (counts[within + name] ?? 0) + 1;
        return inner;
      },
    });
  }
  return counted;
}

const ofWrites = {
  durability: 'off',
  encoding: 'utf8',
  signal: new AbortController().signal,
  mode: 0o640,
  owner: { uid: undefined, gid: undefined },
  preserve: { mode: 'off', owner: 'off', xattr: 'off', times: 'off' },
  symlink: 'follow',
  hardLink: 'break',
  overwrite: true,
  flag: 'w',
  flush: false,
  lock: { timeout: 1000, lease: 1000 },
  ifUnchanged: 'write',
  makeParents: true,
  backup: { numbered: 2 },
  fallback: 'error',
  temporary: { prefix: '.p', suffix: '.s', keepOnError: false },
  retry: { timeout: 10 },
};
const { fallback: _, ...ofUpdates } = ofWrites;
const ofJson = { indent: 1, replacer: (_key: string, value: unknown) => value, schema: undefined };
const ofReading = {
  reviver: (_key: string, value: unknown) => value,
  initial: 1,
  recover: { backup: '/none' },
  onRecover: () => undefined,
};

type Given = never;
const calls = (at: (name: string) => string): [string, object, (options: Given) => unknown][] => [
  ['writeFile', ofWrites, (options) => writeFile(at('a/file'), 'new', options)],
  ['writeFileSync', ofWrites, (options) => writeFileSync(at('a/file'), 'new', options)],
  ['openPending', ofWrites, async (options) => (await openPending(at('a/file'), options)).commit()],
  ['openPendingSync', ofWrites, (options) => openPendingSync(at('a/file'), options).commit()],
  [
    'createWriteStream',
    { ...ofWrites, highWaterMark: 10 },
    (options) =>
      new Promise((resolve, reject) =>
        createWriteStream(at('a/file'), options)
          .on('error', reject)
          .on('finish', () => resolve(''))
          .end('new'),
      ),
  ],
  [
    'createWriter',
    { ...ofWrites, serialize: String, indent: 1, delay: 0, onError: () => undefined },
    async (options) => createWriter(at('a/file'), options).write(1),
  ],
  ['updateFile', ofUpdates, (options) => updateFile(at('a/file'), () => 'new', options)],
  ['writeJson', { ...ofWrites, ...ofJson }, (options) => writeJson(at('a/json'), 1, options)],
  ['updateJson', { ...ofUpdates, ...ofJson, ...ofReading }, (options) => updateJson(at('a/json'), () => 1, options)],
  [
    'readJson',
    { ...ofReading, schema: undefined, signal: new AbortController().signal },
    (options) => readJson(at('none'), options),
  ],
  [
    'readVersioned',
    { encoding: 'utf8', signal: new AbortController().signal },
    (options) => readVersioned(at('none'), options),
  ],
  [
    'transaction',
    {
      durability: 'off',
      signal: new AbortController().signal,
      retry: { timeout: 1 },
      lock: { timeout: 1000, lease: 1000, files: [] },
    },
    (options) => transaction(() => undefined, options),
  ],
  [
    'tx.writeFile',
    { mode: 0o640, owner: { uid: undefined, gid: undefined }, backup: { numbered: 2 }, encoding: 'utf8' },
    (options) => transaction((tx) => tx.writeFile(at('file'), 'new', options)),
  ],
  ['tx.writeJson', { mode: 0o640, ...ofJson }, (options) => transaction((tx) => tx.writeJson(at('file'), 1, options))],
  ['tx.remove', { force: true, backup: 'simple' }, (options) => transaction((tx) => tx.remove(at('none'), options))],
  ['tx.rename', { overwrite: true }, (options) => transaction((tx) => tx.rename(at('from'), at('to'), options))],
  [
    'replaceDirectory',
    { durability: 'off', keepOld: false, lock: { timeout: 1000, lease: 1000 }, signal: new AbortController().signal },
    (options) => replaceDirectory(at('site'), () => undefined, options),
  ],
  ['sweep', { olderThan: 0, recursive: true, dryRun: true }, (options) => sweep(at('.'), options)],
  ['recover', { olderThan: 0 }, (options) => recover(at('.'), options)],
];

describe('options', () => {
  const here = scratch();

  it('are each read once', async () => {
    plainWrite(here.at('from'), '');
    for (const [name, values, call] of calls(here.at)) {
      const counts: Record<string, number> = {};
      await call(counting(values, counts) as Given);
      const twice = Object.entries(counts).filter(([, count]) => count !== 1);
      assert.deepEqual(twice, [], name);
      for (const field of Object.keys(values)) assert.ok(field in counts, `${name}: "${field}" was not read`);
    }
  });

  it('of one call are not those of another, whatever they do when they are read', async () => {
    let reads = 0;
    const sly = {
      get durability() {
        return reads++ === 0 ? 'full' : 'off';
      },
    };
    await writeFile(here.at('file'), 'new', sly as WriteOptions);
    for (const durability of ['full', 'off'] as const) {
      const { durable } = await writeFile(here.at('file'), 'new', { durability });
      assert.equal(durable, durability === 'full');
    }
    assert.equal((await writeFile(here.at('file'), 'new')).durable, true);
    const changing = {
      get mode() {
        this.backup = 'simple';
        return 0o600;
      },
      backup: undefined as unknown,
    };
    await writeFile(here.at('file'), 'new', changing as WriteOptions);
    assert.equal((await writeFile(here.at('file'), 'new')).backupPath, undefined);
  });

  it('are not what somebody has put on Object.prototype, of this realm or another', async () => {
    const foreign = runInNewContext('({ prototype: Object.prototype, options: { durability: "full", lock: {} } })') as {
      prototype: object;
      options: WriteOptions;
    };
    const polluted = {
      durability: 'off',
      mode: 0o777,
      signal: AbortSignal.abort(),
      backup: 'simple',
      encoding: 'hex',
      uid: 1,
      timeout: -1,
      files: [1],
      prefix: '/',
      times: 'require',
      overwrite: false,
      force: true,
      olderThan: -1,
      keepOld: 1,
      highWaterMark: -1,
      indent: 99,
      delay: -1,
    };
    for (const prototype of [Object.prototype, foreign.prototype])
      for (const [name, value] of Object.entries(polluted))
        Object.defineProperty(prototype, name, { value, configurable: true, enumerable: true, writable: true });
    try {
      for (const options of [
        undefined,
        null,
        {},
        { durability: 'full' } as const,
        { owner: {}, lock: {}, temporary: {}, preserve: {}, retry: {} },
        'utf8' as const,
        foreign.options,
      ]) {
        const { durable, backupPath } = await writeFile(here.at('file'), 'new', options as WriteOptions);
        assert.deepEqual([durable, backupPath], [true, undefined]);
      }
      await writeFile(here.at('new'), 'text');
      assert.deepEqual([here.text('new'), statSync(here.at('new')).mode & 0o111], ['text', 0]);
      await new Promise((resolve, reject) =>
        createWriteStream(here.at('file'), {})
          .on('error', reject)
          .on('finish', () => resolve(''))
          .end('new'),
      );
      await createWriter(here.at('file'), {}).write({ a: 1 });
      await updateFile(here.at('file'), (old) => `${old?.toString()}`, {});
      await transaction((tx) => tx.writeFile(here.at('file'), 'new', {}), { lock: {} } as TransactionOptions);
      await assert.rejects(
        transaction((tx) => tx.remove(here.at('none'), {})),
        { code: 'ENOENT' },
      );
      await replaceDirectory(here.at('site'), () => undefined, {});
      await sweep(here.folder, {});
      await recover(here.folder, {});
      await readVersioned(here.at('file'), {});
    } finally {
      for (const name of Object.keys(polluted)) delete (Object.prototype as Record<string, unknown>)[name];
    }
  });

  it('may come from a class, or from defaults that an object inherits', async () => {
    class Defaults {
      readonly backup = 'simple';
      get mode(): number {
        return 0o600;
      }
      helper(): void {}
    }
    class Mine extends Defaults {
      durability = 'off' as const;
    }
    plainWrite(here.at('file'), 'old');
    const bare = Object.assign(Object.create(null) as object, { mode: 0o600, backup: 'simple', durability: 'off' });
    for (const options of [
      new Mine(),
      Object.create({ backup: 'simple', mode: 0o600, durability: 'off' }) as object,
      Object.create(bare) as object,
      bare,
    ]) {
      const { backupPath, durable } = await writeFile(here.at('file'), 'new', options);
      assert.deepEqual([backupPath, durable, statSync(here.at('file')).mode & 0o777], [here.at('file~'), false, 0o600]);
    }
    await assert.rejects(writeFile(here.at('file'), 'new', Object.create({ durable: true }) as WriteOptions), {
      message: '"options.durable" is not an option',
    });
  });
});
