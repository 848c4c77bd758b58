/** What the native part reads: it refuses everything but what is right, before it makes any call. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { closeSync, constants, existsSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { newFolder } from '../support/folder.ts';
import { addon, atOnce, codeOf, flat, inJob, resultsOf, withAddon, type Link } from './addon.ts';

const { O_CREAT, O_RDONLY, O_WRONLY } = constants;

const runs = Number(process.env['UNTORN_NATIVE_RUNS'] ?? 500);

/** No operation has this number, so a chain with it makes no call, whatever the others in it are. */
const nonsense = [1_000_000, undefined, undefined, undefined];

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

/** The four values of a link: among them many that have the number of an operation. */
const link = fc.oneof(
  fc.tuple(anything, anything, anything, anything),
  fc.tuple(fc.integer({ min: -1, max: 40 }), anything, anything, anything),
);

function refuses(callback: unknown, ...values: unknown[]): NodeJS.ErrnoException {
  let error: unknown;
  assert.throws(
    () => addon.chain(callback, ...values),
    (thrown) => {
      error = thrown;
      return true;
    },
  );
  assert.ok(error instanceof Error);
  return error;
}

/** A chain with wrong values is refused, and the call before them is not made: at once and in a job. */
async function refusesInChain(t: TestContext, ...wrong: unknown[]): Promise<NodeJS.ErrnoException> {
  const folder = newFolder(t);
  const right = flat(['mkdir', join(folder, 'made'), 0o700]);
  const never = () => assert.fail('the callback of a chain that was refused');
  refuses(never, ...right, ...wrong);
  const error = refuses(undefined, ...right, ...wrong);
  await inJob();
  assert.deepEqual(readdirSync(folder), []);
  return error;
}

describe('a chain of the native part', withAddon, () => {
  it('does nothing if it has no link', async () => {
    assert.equal(addon.chain(undefined), undefined);
    assert.deepEqual([atOnce(), await inJob()], [[0], [0]]);
  });

  it('is refused, whatever is wrong in it, and makes no call then', (t) => {
    const folder = newFolder(t);
    const made = join(folder, 'made');
    const right = flat(['mkdir', made, 0o700]);
    fc.assert(
      fc.property(fc.array(link, { maxLength: 8 }), fc.boolean(), (links, inThread) => {
        const callback = inThread ? () => assert.fail('it was performed') : undefined;
        refuses(callback, ...right, ...links.flat(), ...nonsense);
        assert.equal(existsSync(made), false);
      }),
      { numRuns: runs },
    );
  });

  it('is refused if its links are not whole, or if the callback is none', async (t) => {
    const right = flat(['fsync', -1], ['fsync', -1]);
    for (const length of [1, 2, 3, 5, 6, 7]) await refusesInChain(t, ...right.slice(0, length));
    const noCallback = anything.filter((value) => value !== undefined && typeof value !== 'function');
    fc.assert(
      fc.property(noCallback, (callback) => {
        refuses(callback);
        refuses(callback, ...right);
      }),
      { numRuns: runs },
    );
    assert.throws(() => addon.chain(), { code: 'ERR_INVALID_ARG_TYPE' });
  });

  it('has at most 256 links, and at most 16 with a status', () => {
    const stats = (count: number): Link[] => Array.from({ length: count }, () => ['stat', '/']);
    const closes = (count: number): Link[] => Array.from({ length: count }, () => ['fsync', -1]);
    for (const count of [257, 300, 20_000]) refuses(undefined, ...flat(...closes(count)));
    assert.deepEqual(atOnce(...closes(256)).length, 1);
    for (const count of [17, 256]) refuses(undefined, ...flat(...stats(count)));
    assert.equal(atOnce(...stats(16)).length, 17);
  });

  it('tells the results of 256 links', (t) => {
    const path = join(newFolder(t), 'file');
    const writes = Array.from({ length: 255 }, (_, index): Link => ['write', -1, new Uint8Array(index)]);
    const [fd, ...lengths] = resultsOf(atOnce(['open', path, O_CREAT | O_WRONLY, 0o600], ...writes));
    assert.deepEqual(lengths, [...writes.keys()]);
    resultsOf(atOnce(['close', fd]));
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
      const { code } = await refusesInChain(t, ...flat(one));
      assert.equal(code, 'ERR_INVALID_ARG_TYPE', String(one));
    }
    for (const number of [-1, 40, 2 ** 32, 0.5, NaN, 'stat', undefined, [0], { valueOf: () => 0 }])
      await refusesInChain(t, number, '/', '/', '/');
  });

  it('has only paths that are text or bytes, without a null', async (t) => {
    const others = [Int8Array, Uint8ClampedArray, Uint16Array, BigInt64Array].map((of) => new of(2));
    for (const one of others) new Uint8Array(one.buffer).fill(97);
    const long = 'a'.repeat(5000);
    const paths = [
      'a\0b',
      '\0',
      Buffer.from('a\0'),
      `${long}\0`,
      `\0${long}`,
      ...others,
      new DataView(new ArrayBuffer(2)),
    ];
    for (const path of [...paths, undefined, null, 1, {}, ['a'], Symbol('a'), new String('a')])
      await refusesInChain(t, ...flat(['stat', path]));
    assert.deepEqual(atOnce(['mkdir', Buffer.from('/'), 0o700]).length, 1);
  });

  it('has whole paths, also those that are longer than what is read in one pass', (t) => {
    const folder = newFolder(t);
    const fd = openSync(folder, O_RDONLY);
    t.after(() => closeSync(fd));
    for (let length = 4080; length < 4112; length++)
      for (const end of ['x', 'é', '€', '𝄞', 'x𝄞é€']) {
        const before = `/proc/self/fd/${fd}/./`;
        const path = before + '/'.repeat(length - Buffer.byteLength(before + end)) + end;
        resultsOf(atOnce(['mkdir', path, 0o700]));
        assert.deepEqual(readdirSync(folder), [end]);
        resultsOf(atOnce(['rmdir', Buffer.from(path)]));
      }
    assert.equal(codeOf(atOnce(['mkdir', join(folder, 'é'.repeat(100_000)), 0o700])), 'ENAMETOOLONG');
    assert.deepEqual(readdirSync(folder), []);
  });

  it('passes on what a getter throws', async (t) => {
    const mine = new Error('mine');
    const buffer = new ArrayBuffer(1);
    Object.defineProperty(buffer, 'resizable', {
      get() {
        throw mine;
      },
    });
    assert.equal(await refusesInChain(t, ...flat(['write', -1, new Uint8Array(buffer)])), mine);
  });

  it('may be asked for while another is read', (t) => {
    const folder = newFolder(t);
    const bytes = new Uint8Array(1);
    Object.defineProperty(bytes.buffer, 'resizable', {
      get() {
        resultsOf(atOnce(['mkdir', join(folder, 'inner'), 0o700], ['stat', folder]));
        return false;
      },
    });
    const outer = join(folder, 'outer');
    resultsOf(atOnce(['open', outer, O_CREAT | O_WRONLY, 0o600], ['write', -1, bytes], ['close', -1]));
    assert.deepEqual([readdirSync(folder).toSorted(), statSync(outer).size], [['inner', 'outer'], 1]);
  });
});
