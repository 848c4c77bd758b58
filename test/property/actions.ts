/** What a program may do, as data that fast-check makes and shrinks. */
import * as fc from 'fast-check';
import type { WriteOptions } from 'untorn';

export const files = ['a', 'b'] as const;
/** Ways to name a file of the folder; see {@link Folder}. */
const aliases = ['plain', 'link', 'folder link', 'relative', 'dots', 'URL', 'Buffer'] as const;

export interface Target {
  readonly file: (typeof files)[number];
  readonly alias: (typeof aliases)[number];
}

export interface Call {
  readonly kind:
    | 'writeFile'
    | 'writeFileSync'
    | 'atomicWrite'
    | 'atomicWriteSync'
    | 'pending'
    | 'pendingSync'
    | 'stream'
    | 'web stream';
  readonly target: Target;
  /** `'same'`: bytes that other calls write too. */
  readonly content: 'own' | 'same';
  readonly size: number;
  readonly options: Pick<WriteOptions, 'durability' | 'overwrite' | 'ifUnchanged' | 'mode'>;
  /** How what is written in pieces ends. */
  readonly fate: 'commit' | 'fail' | 'discard';
  /** Whether writeFile() is given an iterable. */
  readonly source: boolean;
  /** How many turns of the event loop pieces take. */
  readonly turns: number;
  /** After how many turns it is aborted, if so. */
  readonly abort: number | undefined;
  /** Whether the program waits for it. */
  readonly awaited: boolean;
}

export type Action =
  | Call
  | { readonly kind: 'remove'; readonly target: Target }
  | { readonly kind: 'turns'; readonly turns: number }
  | { readonly kind: 'wait for all' };

const target = fc.record({
  file: fc.constantFrom(...files),
  alias: fc.constantFrom('plain', 'plain', 'plain', ...aliases),
});
const turns = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 }));

/** Calls that may overtake each other must be frequent: most have no options that forbid it, and are not awaited. */
const durability = fc.constantFrom('off', 'off', 'normal', 'full');
const further = fc.record(
  {
    durability,
    overwrite: fc.constantFrom(true, true, true, false),
    ifUnchanged: fc.constantFrom('write', 'skip'),
    mode: fc.constantFrom(0o600, 0o640),
  },
  { requiredKeys: ['durability'] },
);
const options = fc.oneof(
  { weight: 3, arbitrary: fc.record({ durability }) },
  { weight: 2, arbitrary: further },
) as fc.Arbitrary<Call['options']>;

const call: fc.Arbitrary<Call> = fc.record({
  kind: fc.constantFrom(
    'writeFile',
    'writeFile',
    'writeFile',
    'writeFileSync',
    'writeFileSync',
    'atomicWrite',
    'atomicWriteSync',
    'pending',
    'pendingSync',
    'stream',
    'web stream',
  ),
  target,
  content: fc.constantFrom('own', 'own', 'own', 'same'),
  size: fc.constantFrom(0, 10, 10, 5000, 200_000),
  options,
  fate: fc.constantFrom('commit', 'commit', 'commit', 'fail', 'discard'),
  source: fc.constantFrom(false, false, true),
  turns,
  abort: fc.option(turns, { nil: undefined, freq: 6 }),
  awaited: fc.constantFrom(false, false, false, false, true),
});

const rest: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('remove'), target }),
  fc.record({ kind: fc.constant('turns'), turns: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant('wait for all') }),
);

const single: fc.Arbitrary<Action[]> = fc
  .oneof({ weight: 6, arbitrary: call as fc.Arbitrary<Action> }, { weight: 1, arbitrary: rest })
  .map((action) => [action]);

const hurried = fc.record({
  kind: fc.constantFrom('writeFile', 'writeFile', 'writeFile', 'writeFileSync', 'pendingSync', 'stream'),
  alias: fc.constantFrom('plain', 'plain', ...aliases),
  durability,
  size: fc.constantFrom(10, 10, 5000, 200_000),
  pause: fc.integer({ min: 0, max: 6 }),
});

/**
 * Calls for one file that nobody waits for, the next one at any moment of those before: where the order can go wrong.
 */
const burst: fc.Arbitrary<Action[]> = fc
  .record({ file: fc.constantFrom(...files), calls: fc.array(hurried, { minLength: 2, maxLength: 8 }) })
  .map(({ file, calls }) =>
    calls.flatMap(({ kind, alias, durability, size, pause }): Action[] => [
      {
        kind,
        target: { file, alias },
        content: 'own',
        size,
        options: { durability },
        fate: 'commit',
        source: false,
        turns: 0,
        abort: undefined,
        awaited: false,
      } as Call,
      { kind: 'turns', turns: pause },
    ]),
  );

/** A program: single actions and bursts. */
export const programs: fc.Arbitrary<Action[]> = fc
  .array(fc.oneof({ weight: 3, arbitrary: single }, { weight: 1, arbitrary: burst }), { minLength: 1, maxLength: 16 })
  .map((parts) => parts.flat());
