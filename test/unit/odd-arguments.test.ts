import assert from 'node:assert/strict';
import { readdirSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import {
  atomicWrite,
  atomicWriteSync,
  createWritableStream,
  createWriter,
  createWriteStream,
  openPending,
  readJson,
  readVersioned,
  recover,
  replaceDirectory,
  replaceDirectorySync,
  sweep,
  transaction,
  transactionSync,
  updateFile,
  updateFileSync,
  updateJson,
  updateJsonSync,
  writeFile,
  writeFileSync,
  writeJson,
  type Data,
  type SyncData,
  type WriteOptions,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

const oops = new Error('oops');
const bang = (): never => {
  throw oops;
};
const never = new Promise<never>(() => undefined);

// oxlint-disable unicorn/no-thenable -- that is what is tried

/** Data that does what it may not, or what it may and seldom does. */
const oddData: Record<string, () => unknown> = {
  'an iterator that has no methods': () => ({ [Symbol.asyncIterator]: () => ({}) }),
  'an iterator that is none': () => ({ [Symbol.asyncIterator]: () => 1 }),
  'no iterator': () => ({ [Symbol.asyncIterator]: 1 }),
  'an async iterator that throws': () => ({ [Symbol.asyncIterator]: () => ({ next: bang }) }),
  'an async iterator that throws at its second piece': () => {
    let count = 0;
    return {
      [Symbol.asyncIterator]: () => ({ next: async () => (count++ === 0 ? { value: 'half' } : bang()), return: bang }),
    };
  },
  'an async iterator that returns nothing': () => ({ [Symbol.asyncIterator]: () => ({ next: () => undefined }) }),
  'an async iterator that returns null later': () => ({ [Symbol.asyncIterator]: () => ({ next: async () => null }) }),
  'an async iterator that returns a number': () => ({ [Symbol.asyncIterator]: () => ({ next: () => 1 }) }),
  'an async iterator whose results throw': () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => ({
        get done() {
          return bang();
        },
      }),
    }),
  }),
  'an async iterator whose values throw': () => ({
    [Symbol.asyncIterator]: () => ({
      next: async () => ({
        done: false,
        get value() {
          return bang();
        },
      }),
    }),
  }),
  'an async iterator whose results are thenables that throw': () => ({
    [Symbol.asyncIterator]: () => ({ next: () => ({ then: bang }) }),
  }),
  'an async iterator whose results have a then() that throws when it is asked for': () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => ({
        get then() {
          return bang();
        },
      }),
    }),
  }),
  'an async iterator whose end never comes': () => ({
    [Symbol.asyncIterator]: () => ({ next: bang, return: () => never }),
  }),
  'an async iterator whose end throws when it is asked for': () => ({
    [Symbol.asyncIterator]: () => ({
      next: bang,
      get return() {
        return bang();
      },
    }),
  }),
  'a getter for its iterator that throws': () => ({
    get [Symbol.asyncIterator]() {
      return bang();
    },
  }),
  'a getter for its synchronous iterator that throws': () => ({
    get [Symbol.iterator]() {
      return bang();
    },
  }),
  'a synchronous iterator that throws': () => ({ [Symbol.iterator]: () => ({ next: bang }) }),
  'a synchronous iterator that returns nothing': () => ({ [Symbol.iterator]: () => ({ next: () => undefined }) }),
  'a synchronous iterator that returns a promise': () => ({
    [Symbol.iterator]: () => ({ next: async () => ({ done: true }) }),
  }),
  'a proxy that throws': () => new Proxy({}, { get: bang, has: bang, getPrototypeOf: bang, ownKeys: bang }),
  'a stream whose destroy() throws': () => ({
    pipe: bang,
    destroy: bang,
    [Symbol.asyncIterator]: () => ({ next: bang }),
  }),
};

/** The same, and right. */
const unusualData: Record<string, () => unknown> = {
  'an async iterator that returns plain objects': () => {
    const pieces = ['con', 'tent'];
    return { [Symbol.asyncIterator]: () => ({ next: () => ({ done: pieces.length === 0, value: pieces.shift() }) }) };
  },
  'an async iterator that returns thenables which call back twice, and then throw': () => {
    const pieces = ['con', 'tent'];
    const later = (value: unknown): object => ({
      then(wake: (value: unknown) => void) {
        wake(value);
        wake({ done: false, value: 'more' });
        bang();
      },
    });
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => later({ done: pieces.length === 0, value: pieces.shift() }),
        return: bang,
      }),
    };
  },
  'a function that is iterable no more than others': () => ({
    *[Symbol.iterator]() {
      yield 'content';
    },
  }),
};

type Call = (path: string, data: unknown) => Promise<unknown>;
const asyncCalls: Record<string, Call> = {
  'writeFile()': (path, data) => writeFile(path, data as Data),
  'writeFile() with ifMatch': async (path, data) =>
    writeFile(path, data as Data, { ifMatch: (await readVersioned(path)).version }),
  'atomicWrite()': (path, data) => atomicWrite(path, (file) => file.write(data as Data)),
  'updateFile()': (path, data) => updateFile(path, () => data as Data),
  'updateFile() that returns it later': (path, data) => updateFile(path, async () => data as Data),
  'transaction()': (path, data) => transaction((tx) => tx.writeFile(path, data as Data)),
};
const syncCalls: Record<string, Call> = {
  'writeFileSync()': async (path, data) => writeFileSync(path, data as SyncData),
  'atomicWriteSync()': async (path, data) => atomicWriteSync(path, (file) => void file.write(data as SyncData)),
  'updateFileSync()': async (path, data) => updateFileSync(path, () => data as SyncData),
  'transactionSync()': async (path, data) => transactionSync((tx) => tx.writeFile(path, data as SyncData)),
};

const signals: Record<string, () => unknown> = {
  'whose addEventListener throws': () => ({ aborted: false, addEventListener: bang, removeEventListener: bang }),
  'whose own addEventListener throws': () => Object.assign(new AbortController().signal, { addEventListener: bang }),
  'whose state throws': () => ({
    get aborted() {
      return bang();
    },
    addEventListener() {},
    removeEventListener() {},
  }),
};
/** They do not fail at once. */
const harmless: Record<string, () => unknown> = {
  'whose removeEventListener throws': () => ({ aborted: false, addEventListener() {}, removeEventListener: bang }),
  'whose own removeEventListener throws': () =>
    Object.assign(new AbortController().signal, { removeEventListener: bang }),
  'that calls back at once': () => ({
    aborted: false,
    addEventListener: (_: string, callback: () => void) => callback(),
    get reason() {
      return bang();
    },
  }),
};

const signalled: Record<string, (path: string, options: WriteOptions) => Promise<unknown>> = {
  'writeFile()': (path, options) => writeFile(path, 'new', options),
  'writeFile() that waits for its turn': (path, options) => {
    const before = updateFile(path, async () => {
      await setImmediate();
      return 'old';
    });
    const waiting = (async () => writeFile(path, 'new', options))();
    return Promise.allSettled([waiting, before]).then(() => waiting);
  },
  'writeFile() of an async iterable': (path, options) =>
    writeFile(
      path,
      (async function* () {
        await setImmediate();
        yield 'new';
      })(),
      options,
    ),
  'many of writeFile()': (path, options) =>
    Promise.all(Array.from({ length: 100 }, (_, index) => writeFile(`${path}-${index}`, 'new', options))),
  'updateFile()': (path, options) => updateFile(path, async () => 'new', options as object),
  'updateJson()': (path, options) => updateJson(`${path}.json`, async (): Promise<unknown> => 'new', options as object),
  'openPending()': async (path, options) => (await openPending(path, options)).commit(),
  'createWriteStream()': (path, options) =>
    new Promise((resolve, reject) =>
      createWriteStream(path, options)
        .on('error', reject)
        .on('finish', () => resolve(undefined))
        .end('new'),
    ),
  'createWritableStream()': async (path, options) => {
    const writer = createWritableStream(path, options).getWriter();
    await writer.write('new');
    await writer.close();
  },
  'transaction()': (path, { signal }) => transaction((tx) => tx.writeFile(path, 'new'), { signal }),
  'replaceDirectory()': (path, { signal }) =>
    replaceDirectory(`${path}-site`, async (directory) => void plainWrite(`${directory}/index`, ''), { signal }),
  'readJson()': (path, { signal }) => readJson(`${path}.json`, { signal, initial: 1 }),
  'readVersioned()': (path, { signal }) => readVersioned(path, { signal }),
};

const descriptors = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);

/** Until other threads have closed what they are to close. On a busy machine they may come late. */
async function settled(before: number): Promise<void> {
  for (const deadline = Date.now() + 10_000; descriptors() > before && Date.now() < deadline;) await setImmediate();
  assert.ok(descriptors() <= before, `${descriptors() - before} more descriptors`);
}

describe('data that is not what it should be', () => {
  const here = scratch();

  for (const [name, call] of Object.entries({ ...asyncCalls, ...syncCalls })) {
    it(`is an error of ${name}, which leaves the old file, and nothing else (G4, G10)`, async () => {
      plainWrite(here.at('file'), 'old');
      await assert.rejects(call(here.at('file'), 1));
      const before = descriptors();
      for (const [what, odd] of Object.entries(oddData)) {
        await assert.rejects(
          call(here.at('file'), odd()),
          (error: Error & { outcome?: string }) => error.outcome === undefined || error.outcome === 'old',
          what,
        );
        assert.deepEqual([here.text('file'), here.names()], ['old', ['file']], what);
      }
      await settled(before);
      await call(here.at('file'), ['con', 'tent']);
      assert.equal(here.text('file'), 'content');
    });
  }

  for (const [name, call] of Object.entries(asyncCalls)) {
    it(`is data of ${name} where it is only unusual`, async () => {
      for (const [what, unusual] of Object.entries(unusualData)) {
        plainWrite(here.at('file'), 'old');
        await call(here.at('file'), unusual());
        assert.deepEqual([here.text('file'), here.names()], ['content', ['file']], what);
      }
    });
  }

  it('may never come: an abort and the end of the process do not wait for it (G4, G10)', async () => {
    for (const data of [
      { [Symbol.asyncIterator]: () => ({ next: () => never, return: () => never }) },
      { [Symbol.asyncIterator]: () => ({ next: () => ({ then() {} }), return: bang }) },
    ]) {
      const controller = new AbortController();
      const writing = writeFile(here.at('file'), data as unknown as Data, { signal: controller.signal });
      while (here.names().length === 0) await setImmediate();
      controller.abort();
      await assert.rejects(writing, { name: 'AbortError' });
      assert.deepEqual(here.names(), []);
    }
  });
});

describe('a signal that is not what it should be', () => {
  const here = scratch();

  for (const [name, call] of Object.entries(signalled)) {
    it(`is an error of ${name}, or does no harm (G4, G10)`, async () => {
      const before = descriptors();
      for (const [what, signal] of Object.entries(signals)) {
        await assert.rejects(async () => call(here.at('file'), { signal: signal() as AbortSignal }), oops, what);
        await setImmediate();
        assert.deepEqual(
          here.names().filter((one) => one !== 'file'),
          [],
          what,
        );
      }
      for (const [what, signal] of Object.entries(harmless)) {
        const [{ status, reason }] = (await Promise.allSettled([
          (async () => call(here.at('file'), { signal: signal() as AbortSignal }))(),
        ])) as [{ status: string; reason?: Error }];
        assert.ok(status === 'fulfilled' || reason?.name === 'AbortError', `${what}: ${String(reason)}`);
        assert.deepEqual(
          here.names().filter((one) => one.includes('untorn-') && !one.includes('untorn-v-')),
          [],
          what,
        );
      }
      await settled(before);
      await writeFile(here.at('file'), 'next', { signal: new AbortController().signal });
    });
  }
});

describe('options that throw', () => {
  const here = scratch();
  const throwing = (name: string): object => ({
    get [name]() {
      return bang();
    },
  });

  it('are an error of every call before anything is touched (G4)', async () => {
    const calls: Record<string, (options: never) => unknown> = {
      writeFile: (options) => writeFile(here.at('file'), 'new', options),
      writeFileSync: (options) => writeFileSync(here.at('file'), 'new', options),
      openPending: (options) => openPending(here.at('file'), options),
      createWriteStream: (options) => createWriteStream(here.at('file'), options),
      createWritableStream: (options) => createWritableStream(here.at('file'), options),
      updateFile: (options) => updateFile(here.at('file'), () => 'new', options),
      updateFileSync: (options) => updateFileSync(here.at('file'), () => 'new', options),
      updateJson: (options) => updateJson(here.at('file'), () => 1, options),
      writeJson: (options) => writeJson(here.at('file'), 1, options),
      createWriter: (options) => createWriter(here.at('file'), options),
      transaction: (options) => transaction((tx) => tx.writeFile(here.at('file'), 'new'), options),
      'transaction.writeFile': (options) => transaction((tx) => tx.writeFile(here.at('file'), 'new', options)),
      replaceDirectory: (options) => replaceDirectory(here.at('site'), () => undefined, options),
    };
    for (const [name, call] of Object.entries(calls)) {
      const nested = (field: string, inner: string): object => ({ [field]: throwing(inner) });
      const given: object[] =
        name === 'transaction.writeFile'
          ? [throwing('mode'), nested('owner', 'uid')]
          : [throwing('durability'), throwing('signal'), nested('lock', 'timeout')];
      for (const options of [...given, new Proxy({}, { ownKeys: bang }), new Proxy({}, { getPrototypeOf: bang })]) {
        await assert.rejects(async () => call(options as never), oops, name);
        assert.deepEqual(here.names(), [], name);
      }
    }
    for (const call of [sweep, recover])
      await assert.rejects(async () => call(here.folder, throwing('olderThan') as never), oops);
  });
});

describe('a callback that returns a promise where nobody waits for one', () => {
  const here = scratch();

  it('is refused, and what becomes of the promise does not end the program (G4)', async () => {
    const later = async (): Promise<never> => {
      await setImmediate();
      return bang();
    };
    const thenable = (): object => ({ then: (_: unknown, fail: (error: Error) => void) => fail(oops) });
    for (const callback of [later, thenable, () => Object.assign(() => undefined, thenable())]) {
      for (const call of [
        () => transactionSync(callback),
        () => atomicWriteSync(here.at('file'), callback as unknown as () => undefined),
        () => updateFileSync(here.at('file'), callback as () => never),
        () => updateJsonSync(here.at('file'), callback as () => never),
        () => replaceDirectorySync(here.at('site'), callback),
        () => updateJsonSync(here.at('file'), (value) => value, { initial: callback as () => unknown }),
      ])
        assert.throws(call, { code: 'ERR_INVALID_RETURN_VALUE' });
      await assert.rejects(createWriter(here.at('file')).write(callback), { code: 'ERR_INVALID_RETURN_VALUE' });
      await assert.rejects(createWriter(here.at('file'), { serialize: callback as unknown as () => string }).write(1), {
        code: 'ERR_INVALID_RETURN_VALUE',
      });
      assert.deepEqual(here.names(), []);
    }
    // Unhandled rejections come before this.
    await setImmediate();
    await setImmediate();
  });
});

describe('what a caller never settles', () => {
  const here = scratch();
  const schemaOf = (validate: () => Promise<never>) => ({
    '~standard': { version: 1 as const, vendor: 'test', validate },
  });
  /** What aborts at a moment of its own, and then never comes to an end. */
  type Stuck = { readonly signal: AbortSignal; readonly abort: () => Promise<never> };
  const calls: Record<string, (path: string, stuck: Stuck) => Promise<unknown>> = {
    'a callback of transaction()': (path, { signal, abort }) => transaction(abort, { signal, lock: { files: [path] } }),
    'a callback of updateFile()': (path, { signal, abort }) => updateFile(path, abort, { signal }),
    'a callback of replaceDirectory()': (path, { signal, abort }) => replaceDirectory(`${path}s`, abort, { signal }),
    'an iterator': (path, { signal, abort }) =>
      writeFile(path, { [Symbol.asyncIterator]: () => ({ next: abort }) }, { signal }),
    'a schema of readJson()': (path, { signal, abort }) => readJson(path, { signal, schema: schemaOf(abort) }),
    'a schema of writeJson()': (path, { signal, abort }) => writeJson(path, 1, { signal, schema: schemaOf(abort) }),
    'a schema of updateJson()': (path, { signal, abort }) =>
      updateJson(path, () => 1, { signal, schema: schemaOf(abort) }),
  };
  for (const when of ['at once', 'later'])
    for (const [name, call] of Object.entries(calls)) {
      it(`can be aborted ${when}: ${name} (G10)`, async () => {
        plainWrite(here.at('file'), '0');
        const controller = new AbortController();
        const stop = (): void => controller.abort();
        const abort = (): Promise<never> => {
          if (when === 'at once') stop();
          else void setImmediate().then(stop);
          return never;
        };
        await assert.rejects(call(here.at('file'), { signal: controller.signal, abort }), { code: 'ABORT_ERR' });
        assert.deepEqual([here.text('file'), here.names()], ['0', ['file']]);
      });
    }
});
