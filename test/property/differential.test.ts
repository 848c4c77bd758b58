/**
 * The native part of the package and Node do the same: random programs run in two processes on equal trees, and all
 * that they leave and say is compared. What differs by promise is named here, and nothing else is let through.
 */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, it, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { filesystemOf, note } from '../support/evidence.ts';
import { withoutNative } from '../support/native-part.ts';
import { programs, type Deed, type Program } from './deeds.ts';
import { Pair, type Found, type Told } from './pair.ts';
import { secondsToTry, untilTimeIsOver } from '../support/random-programs.ts';

const seconds = secondsToTry(8);

/** Without the native part nothing tells whether a file had attributes: each result says that they were not kept. */
function withoutLosses(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLosses);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      name === 'notKept' && Array.isArray(one) ? one.filter((what) => what !== 'xattr') : withoutLosses(one),
    ]),
  );
}

/** The same file; where the native part has kept attributes, Node has lost them. */
function withAttributesOf(node: Found, native: Found | undefined): Found {
  const isLost = Object.keys(node.attributes).length === 0;
  return isLost && native !== undefined ? { ...node, attributes: native.attributes } : node;
}

function compareTrees(pair: Pair, what: string): void {
  const [native, node] = [pair.with.look(), pair.without.look()];
  assert.deepEqual(
    node.map((one, index) => withAttributesOf(one, native[index])),
    native,
    what,
  );
}

async function compare(pair: Pair, { deeds, last }: Program): Promise<void> {
  for (const side of pair.both) side.prepare();
  const [native, node] = await told(pair, deeds);
  for (const [index, deed] of deeds.entries())
    assert.deepEqual(withoutLosses(node[index]), native[index], JSON.stringify(deed));
  compareTrees(pair, 'the trees');
  if (last === undefined) return;
  for (const side of pair.both) side.prepare();
  const before = pair.without.look();
  const [[withIt], [without]] = await told(pair, [last]);
  assert.equal(withIt?.error, undefined, JSON.stringify(withIt));
  const { code, outcome, message } = without?.error ?? {};
  assert.deepEqual([code, outcome], ['ENOTSUP', 'old'], JSON.stringify(without));
  assert.match(
    String(message),
    last.kind === 'write' ? /extended attributes cannot be read here/ : /needs the native part of this package/,
  );
  assert.deepEqual(pair.without.look(), before);
}

async function told(pair: Pair, deeds: readonly Deed[]): Promise<[Told[], Told[]]> {
  const [native, node] = await Promise.all(pair.both.map(async (side) => side.normal(await side.do(deeds))));
  return [native ?? [], node ?? []];
}

async function compareMany(t: TestContext, under: readonly string[]): Promise<void> {
  const pair = await Pair.start(tmpdir(), under);
  let runs = 0;
  let running = Promise.resolve();
  try {
    const property = fc.asyncProperty(programs, async (program) => {
      runs++;
      running = compare(pair, program);
      await running;
    });
    await fc.assert(property, untilTimeIsOver(t, seconds));
  } finally {
    // The last one may be under way when the time is over.
    await running.catch(() => undefined);
    pair.end();
  }
  t.diagnostic(`${runs} programs in ${seconds} s`);
  note({
    of: 'programs in both ways',
    guarantees: ['G1', 'G4', 'G6', 'G10'],
    filesystem: filesystemOf(tmpdir()),
    durabilities: ['full', 'normal', 'off'],
    count: runs,
    violations: 0,
  });
}

describe('any program, with the native part and without', { skip: withoutNative }, () => {
  it('does the same to the same files, and says the same (G1, G4, G6, G10)', (t) => compareMany(t, []));

  it('does so for an ordinary user too (G1, G4, G6, G10)', async (t) => {
    const user = await needsOrdinaryUser(t);
    // Whoever is one already has just tried it.
    if (user !== undefined && user.length > 0) await compareMany(t, user);
  });
});
