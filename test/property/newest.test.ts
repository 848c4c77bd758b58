/** What is known of the newest content of each file, for any calls in any order: enough, no more, and at little cost. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { Committed, Newest } from '#untorn/order/queue.js';

interface Call {
  readonly number: number;
  /** The file that it is known to be for. */
  file?: string;
}

/** An event: a call begins; one of the calls is known to be for a file, commits to one, or ends. */
const events = fc.array(
  fc.record({
    what: fc.constantFrom('begins' as const, 'identified' as const, 'commits' as const, 'ends' as const),
    which: fc.nat(),
    file: fc.constantFrom('one', 'two', 'three'),
  }),
  { maxLength: 80, size: 'max' },
);

it('keeps what an older call may need, and nothing when all calls have ended', () => {
  fc.assert(
    fc.property(events, (all) => {
      const newest = new Newest();
      const calls: Call[] = [];
      const committed = new Map<string, number>();
      let last = 0;
      for (const { what, which, file: given } of all) {
        const at = which % calls.length;
        const call = calls[at];
        const file = call?.file ?? given;
        if (what === 'begins' || call === undefined) {
          calls.push({ number: ++last });
          newest.callBegins(last);
        } else if (what === 'identified') {
          if (newest.callIsFor(call.number, file)) call.file = file;
        } else if (what === 'commits') {
          const number = Math.max(committed.get(file) ?? 0, call.number);
          committed.set(file, number);
          newest.note(file, new Committed(number, file));
        } else {
          calls.splice(at, 1);
          newest.callEnds(call.number, call.file);
        }
        for (const [path, number] of committed)
          if (calls.some((one) => one.number < number && (one.file ?? path) === path))
            assert.equal(newest.find(path)?.number, number);
      }
      for (const { number, file } of calls) newest.callEnds(number, file);
      for (const path of committed.keys()) assert.equal(newest.find(path), undefined);
    }),
    { numRuns: 3000 },
  );
});

it('looks at no more than three records for each file', (t) => {
  let looks = 0;
  const entries = Reflect.get(Map.prototype, Symbol.iterator);
  t.mock.method(Map.prototype, Symbol.iterator, function* counted(this: Map<unknown, unknown>) {
    for (const entry of { [Symbol.iterator]: () => Reflect.apply(entries, this, []) }) {
      looks++;
      yield entry;
    }
  });
  const looksFor = (count: number): number => {
    looks = 0;
    const newest = new Newest();
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    for (const number of numbers) newest.callBegins(number);
    for (const number of numbers) newest.callIsFor(number, `${number}`);
    for (const number of numbers) newest.note(`${number}`, new Committed(number, ''));
    for (const number of numbers) newest.callEnds(number, `${number}`);
    for (const number of numbers) newest.callBegins(count + number);
    for (const number of numbers) newest.note(`${number}`, new Committed(count + number, ''));
    for (const number of numbers) newest.callEnds(count + number, undefined);
    return looks;
  };
  const many = looksFor(1000);
  assert.ok(many > 0 && many <= 3000, `${many} looks for 1,000 files`);
});
