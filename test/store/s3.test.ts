/** The store on S3, before a server that runs in the test. Real servers: test/engines. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { signed } from '#untorn/store/s3-signature.js';
import { openS3Store } from 'untorn/s3';
import { openStore, WriteError, type Store } from 'untorn/store';
import { storeTests } from 'untorn/store/testing';
import { conforms } from './conformance.ts';
import { credentials, startFakeS3, type Behaviour, type FakeS3 } from './s3-server.ts';

const bucket = 'bucket';

async function fakeFor(t: TestContext, behaviour: Behaviour = {}): Promise<FakeS3> {
  const fake = await startFakeS3(behaviour);
  t.after(() => fake.close());
  return fake;
}

function open({ endpoint }: FakeS3): Promise<Store> {
  return openS3Store({ bucket, endpoint, credentials });
}

function failsWith(code: string, outcome: string): (error: unknown) => boolean {
  return (error) => {
    if (!WriteError.isWriteError(error)) throw error;
    assert.deepEqual([error.code, error.outcome], [code, outcome], error.message);
    return true;
  };
}

describe('a store on S3', () => {
  for (const [name, behaviour] of Object.entries({ usual: {}, 'like that of Ceph': { asCeph: true } })) {
    describe(`of a server that is ${name}`, () => {
      let fake: FakeS3;
      before(async () => {
        fake = await startFakeS3(behaviour);
      });
      after(() => fake.close());
      const server = {
        host: '127.0.0.1',
        get port() {
          return fake.port;
        },
      };
      conforms({
        server,
        clients: 4,
        rounds: 5,
        open: () => openStore(`s3://${bucket}/app/?endpoint=${fake.endpoint}`, { credentials }),
        openThrough: ({ port }) =>
          openS3Store({ bucket, prefix: 'app/', endpoint: `http://127.0.0.1:${port}`, credentials }),
      });
    });
  }

  it('is tested by tests that find a client that sends twice, or takes a lost answer for a failure', async (t) => {
    const fake = await fakeFor(t);
    const wrong = (write: (store: Store) => Store['write']) => async (proxy: { port: number }) => {
      const store = await openS3Store({ bucket, endpoint: `http://127.0.0.1:${proxy.port}`, credentials });
      const { address, durable, maxBytes, watch } = store;
      const [read, remove, close] = [store.read, store.remove, store.close].map((one) => one.bind(store)) as never as [
        Store['read'],
        Store['remove'],
        Store['close'],
      ];
      return { address, durable, maxBytes, watch, read, remove, close, write: write(store) } as Store;
    };
    const again = wrong((store) => async (...args) => {
      try {
        return await store.write(...args);
      } catch (error) {
        if ((error as WriteError).outcome !== 'unknown') throw error;
        return store.write(...args);
      }
    });
    const failing = wrong((store) => async (...args) => {
      try {
        return await store.write(...args);
      } catch (error) {
        throw Object.assign(error as object, { outcome: 'old' });
      }
    });
    for (const openThrough of [again, failing]) {
      const names: string[] = [];
      const subject = { open: () => open(fake), openThrough, server: { host: '127.0.0.1', port: fake.port } };
      for (const { name, run } of storeTests({ ...subject, clients: 2, rounds: 2 }))
        await run().catch(() => names.push(name));
      assert.ok(names.includes('a write whose answer is lost has an unknown outcome, and was sent once'), names.join());
      assert.ok(names.includes('an update whose answer is lost ends, and takes place at most once'), names.join());
    }
  });

  it('is not opened where the server ignores conditions, and leaves nothing there', async (t) => {
    for (const behaviour of [{ ignoresAbsence: true }, { ignoresVersions: true }]) {
      const fake = await fakeFor(t, behaviour);
      await assert.rejects(open(fake), failsWith('ERR_UNTORN_UNCONDITIONAL', 'old'));
      assert.equal(fake.requests.at(-1)?.method, 'DELETE');
    }
  });

  it('removes nothing on a condition where the server ignores that one', async (t) => {
    const store = await open(await fakeFor(t, { ignoresRemovals: true }));
    const { version } = await store.write('key', 'content');
    await assert.rejects(store.remove('key', { ifMatch: version }), failsWith('ERR_UNTORN_UNSUPPORTED', 'old'));
    assert.equal((await store.read('key')).content?.toString(), 'content');
  });

  it('tells what has changed nothing from what is unknown, and sends it once', async (t) => {
    const fake = await fakeFor(t);
    const store = await open(fake);
    for (const [status, code, outcome] of [
      [403, 'ERR_UNTORN_REFUSED', 'old'],
      [307, 'ERR_UNTORN_REFUSED', 'old'],
      [409, 'ERR_VERSION_CONFLICT', 'old'],
      [412, 'ERR_VERSION_CONFLICT', 'old'],
      [500, 'ERR_UNTORN_NO_ANSWER', 'unknown'],
      [503, 'ERR_UNTORN_NO_ANSWER', 'unknown'],
    ] as const) {
      fake.behaviour = { status };
      fake.requests.length = 0;
      await assert.rejects(store.write('key', 'content', { ifMatch: 'absent' }), failsWith(code, outcome));
      assert.equal(fake.requests.length, 1);
    }
  });

  it('has no secret in its address, its errors and its requests', async (t) => {
    const fake = await fakeFor(t);
    const store = await open(fake);
    fake.behaviour = { status: 403 };
    const error: unknown = await store.write('key', 'content').catch((one: unknown) => one);
    const shown = JSON.stringify([store.address, String(error), fake.requests]);
    assert.ok(!shown.includes(credentials.secretAccessKey));
  });

  it('refuses wrong options before anything is sent', async (t) => {
    const fake = await fakeFor(t);
    const given = { bucket, endpoint: fake.endpoint, credentials };
    for (const wrong of [{ bucket: 1 }, { endpoint: 'nowhere' }, { credentials: {} }, { timeout: 'x' }, { retry: 1 }])
      await assert.rejects(openS3Store({ ...given, ...wrong } as never), { name: 'TypeError' });
    await assert.rejects(openStore(`s3://${bucket}/?endpoit=${fake.endpoint}`), { code: 'ERR_INVALID_ARG_VALUE' });
    assert.equal(fake.requests.length, 0);
  });
});

describe('the signature', () => {
  // The example of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
  it('is that of the published example', () => {
    const example = {
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    };
    const { authorization } = signed(
      {
        method: 'GET',
        url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'),
        headers: { range: 'bytes=0-9' },
        body: Buffer.alloc(0),
      },
      example,
      'us-east-1',
      new Date('2013-05-24T00:00:00Z'),
    );
    assert.match(authorization!, /Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41$/);
  });
});
