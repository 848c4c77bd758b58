/** What the native part reads: it refuses everything but what is right, before it makes any call. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { newFolder } from '../support/folder.ts';
import { addon, inJob, numbered, resultsOf, withAddon, type Link } from './addon.ts';

const runs = Number(process.env['UNTORN_NATIVE_RUNS'] ?? 500);

/** No operation has this number, so a chain with it makes no call, whatever the others in it are. */
const nonsense = [1_000_000];

/** Anything at all; among it what has a code of its own in the reader. */
const anything = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withTypedArray: true, withSparseArray: true }),
  fc.integer(),
  fc.bigInt(),
  fc.double(),
  fc.string({ unit: 'binary' }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(Symbol('one'), () => 1, new Proxy([], {}), new Proxy({}, {}), new DataView(new ArrayBuffer(1))),
);

const link = fc.oneof(
  anything,
  fc.array(anything, { maxLength: 6 }),
  fc
    .tuple(fc.integer({ min: -1, max: 40 }), fc.array(anything, { maxLength: 4 }))
    .map(([number, args]) => [number, ...args]),
);

function refuses(links: unknown, callback?: unknown): Error {
  let error: unknown;
  assert.throws(
    () => addon.chain(links, callback),
    (thrown) => {
      error = thrown;
      return true;
    },
  );
  assert.ok(error instanceof Error);
  return error;
}

/** A chain with a wrong link is refused, and the call before it is not made: at once and in a job. */
async function refusesInChain(t: TestContext, wrong: unknown): Promise<Error> {
  const folder = newFolder(t);
  const [right] = numbered([['mkdir', join(folder, 'made'), 0o700]]);
  const never = () => assert.fail('the callback of a chain that was refused');
  refuses([right, wrong], never);
  const error = refuses([right, wrong]);
  await inJob();
  assert.deepEqual(readdirSync(folder), []);
  return error;
}

describe('a chain of the native part', withAddon, () => {
  it('does nothing if it has no link', async () => {
    assert.deepEqual(addon.chain([]), [0]);
    assert.deepEqual(await inJob(), [0]);
  });

  it('is refused, whatever is wrong in it, and makes no call then', (t) => {
    const folder = newFolder(t);
    const made = join(folder, 'made');
    const [right] = numbered([['mkdir', made, 0o700]]);
    fc.assert(
      fc.property(fc.array(link, { maxLength: 8 }), fc.boolean(), (links, inThread) => {
        refuses([right, ...links, nonsense], inThread ? () => assert.fail('it was performed') : undefined);
        assert.equal(existsSync(made), false);
      }),
      { numRuns: runs },
    );
  });

  it('is refused if it is no array, or if the callback is none', () => {
    const noArray = anything.filter((value) => !Array.isArray(value));
    const noCallback = anything.filter((value) => value !== undefined && typeof value !== 'function');
    fc.assert(
      fc.property(noArray, noCallback, (links, callback) => {
        refuses(links);
        refuses([], callback);
      }),
      { numRuns: runs },
    );
    refuses({ length: 0 });
    refuses(new Proxy([], {}));
    assert.throws(() => (addon.chain as () => void)());
  });

  it('has at most 256 links, and at most 16 with a status', async () => {
    const stats = (count: number) => numbered(Array.from({ length: count }, () => ['stat', '/']));
    const closes = (count: number) => numbered(Array.from({ length: count }, () => ['fsync', -1]));
    for (const count of [257, 300, 100_000]) refuses(closes(count));
    assert.equal(addon.chain(closes(256))?.length, 1);
    for (const count of [17, 256]) refuses(stats(count));
    assert.equal(addon.chain(stats(16))?.length, 17);
    const sparse: unknown[] = [];
    sparse[2 ** 32 - 2] = nonsense;
    refuses(sparse);
  });

  it('has only numbers that their type can hold', async (t) => {
    const wrong: Link[] = [
      ...[-2, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 53, -(2 ** 63), 2 ** 64, 1.5, NaN, Infinity, -Infinity].map(
        (fd) => ['fsync', fd] as const,
      ),
      ...[2 ** 32, -(2 ** 31) - 1, 2 ** 40, 0.1].map((mode) => ['mkdir', '/tmp/never', mode] as const),
      ...[-1, 2 ** 53, 2 ** 64, NaN].map((length) => ['ftruncate', -1, length] as const),
      ...[2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n, 1].map((time) => ['futimes', -1, time, 0n] as const),
      ['fsync', 1n],
      ['fsync', '1'],
      ['fsync'],
      ['fsync', null],
    ];
    for (const one of wrong) {
      const error = await refusesInChain(t, numbered([one])[0]);
      assert.equal((error as NodeJS.ErrnoException).code, 'ERR_INVALID_ARG_TYPE', String(one));
    }
    for (const number of [-1, 40, 2 ** 32, NaN, 'stat', undefined]) await refusesInChain(t, [number, '/']);
  });

  it('has only paths that are text or bytes, without a null', async (t) => {
    const others = [Int8Array, Uint8ClampedArray, Uint16Array, BigInt64Array].map((of) => new of(2));
    for (const one of others) new Uint8Array(one.buffer).fill(97);
    const paths = ['a\0b', '\0', Buffer.from('a\0'), ...others, new DataView(new ArrayBuffer(2))];
    for (const path of [...paths, undefined, null, 1, {}, ['a'], Symbol('a')])
      await refusesInChain(t, numbered([['stat', path]])[0]);
    assert.deepEqual(addon.chain(numbered([['mkdir', Buffer.from('/'), 0o700]]))?.length, 1);
  });

  it('passes on what a getter throws', async (t) => {
    const mine = new Error('mine');
    const thrower = {
      get: (): never => {
        throw mine;
      },
    };
    const throwing = (at: number, of: unknown[]) => Object.defineProperty(of, at, thrower);
    assert.equal(await refusesInChain(t, throwing(0, [0])), mine);
    assert.equal(await refusesInChain(t, throwing(1, numbered([['stat', '/']])[0] as unknown[])), mine);
    assert.equal(refuses(throwing(0, [1])), mine);
    const buffer = Object.defineProperty(new ArrayBuffer(1), 'resizable', thrower);
    assert.equal(await refusesInChain(t, numbered([['write', -1, new Uint8Array(buffer)]])[0]), mine);
  });

  it('may be asked for while another is read', (t) => {
    const folder = newFolder(t);
    const [outer] = numbered([['mkdir', join(folder, 'outer'), 0o700]]) as [unknown[]];
    Object.defineProperty(outer, 1, {
      get() {
        resultsOf(
          addon.chain(
            numbered([
              ['mkdir', join(folder, 'inner'), 0o700],
              ['stat', folder],
            ]),
          ) as never,
        );
        return join(folder, 'outer');
      },
    });
    resultsOf(addon.chain([outer]) as never);
    assert.deepEqual(readdirSync(folder).toSorted(), ['inner', 'outer']);
  });

  it('reads each link once, even if reading changes the others', (t) => {
    const folder = newFolder(t);
    const links = numbered(['one', 'two', 'three'].map((name) => ['mkdir', join(folder, name), 0o700])) as unknown[][];
    Object.defineProperty(links[0], 1, {
      get() {
        links.length = 1;
        return join(folder, 'one');
      },
    });
    refuses(links);
    assert.deepEqual(readdirSync(folder), []);
  });
});
