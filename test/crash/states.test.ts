import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Entry, Recording } from './recording-log.ts';
import { chooseCuts, findCuts, sampleStates, seeded } from './states.ts';

const write: Entry = { kind: 'write' };
const flush = (covers: number): Entry => ({ kind: 'flush', covers });
const mark = (text: string): Entry => ({ kind: 'mark', text });

function recording(...entries: Entry[]): Recording {
  const writes = entries
    .filter(({ kind }) => kind === 'write')
    .map((_, at) => ({ from: at * 10_000, to: at * 4096, size: 4096 }));
  return { entries, writes };
}

describe('the disks that a power cut could leave', () => {
  it('are cut off before and after each flush and each mark, with all that was promised by then', () => {
    const cuts = findCuts(
      recording(write, mark('start'), write, flush(2), mark('acknowledge 0'), write, mark('end'), write),
    );
    assert.deepEqual(cuts, [
      { covered: 0, sent: 1, marks: 1, isLast: false },
      { covered: 0, sent: 2, marks: 1, isLast: true },
      { covered: 2, sent: 2, marks: 2, isLast: false },
      { covered: 2, sent: 3, marks: 2, isLast: true },
    ]);
  });

  it('may lack a write that was under way when the flush came', () => {
    const cuts = findCuts(recording(mark('start'), write, write, flush(1), mark('end')));
    assert.deepEqual(cuts.at(-1), { covered: 1, sent: 2, marks: 1, isLast: true });
  });

  it('are all subsets of a few writes', () => {
    const { writes } = recording(write, write, write);
    const states = sampleStates({ covered: 0, sent: 3, marks: 0, isLast: true }, writes, 8, seeded(1));
    assert.equal(new Set(states.map((parts) => parts.map(({ to }) => to).join())).size, 8);
  });

  it('hold whole sectors of what was sent, from their place in the log', () => {
    const { writes } = recording(...Array.from({ length: 20 }, () => write));
    const states = sampleStates({ covered: 5, sent: 20, marks: 0, isLast: true }, writes, 200, seeded(2));
    assert.equal(states.length, 200);
    for (const { from, to, size } of states.flat()) {
      const at = Math.floor(to / 4096);
      assert.ok(at >= 5 && size > 0 && size % 512 === 0 && (to % 4096) + size <= 4096);
      assert.equal(from - at * 10_000, to % 4096);
    }
    assert.ok(states.flat().some(({ size }) => size < 4096));
  });

  it('are drawn again by the same seed', () => {
    const cuts = findCuts(
      recording(mark('start'), ...Array.from({ length: 50 }, (_, at) => [write, flush(at + 1)]).flat(), mark('end')),
    );
    assert.deepEqual(chooseCuts(cuts, 20, seeded(3)), chooseCuts(cuts, 20, seeded(3)));
    assert.ok(chooseCuts(cuts, 20, seeded(3)).length < cuts.length);
    assert.deepEqual(chooseCuts(cuts, 1000, seeded(3)), cuts);
  });
});
