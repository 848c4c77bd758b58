/** What a program does to a tree of files, one thing after another, as data that fast-check makes and shrinks. */
import * as fc from 'fast-check';
import type { WriteOptions } from 'untorn';

/** What a name in the tree is; see {@link Tree}. */
export const names = [
  'plain',
  'private',
  'read only',
  'with set-id',
  'of another',
  'linked',
  'attributes',
  'odd \xff',
  'link',
  'dangling',
  'loop',
  'none',
  'folder',
  'folder/inner',
  'closed/file',
  'closed/none',
  'plain/below',
  'missing/parents/file',
  'x'.repeat(256),
] as const;

export type Name = (typeof names)[number];

export type Change =
  | {
      readonly kind: 'write';
      readonly name: Name;
      readonly options: Pick<WriteOptions, 'mode' | 'backup' | 'overwrite'>;
    }
  | { readonly kind: 'remove'; readonly name: Name; readonly force: boolean; readonly backup: boolean }
  | { readonly kind: 'rename'; readonly name: Name; readonly to: Name; readonly overwrite: boolean };

export type Deed =
  | {
      readonly kind: 'write';
      readonly way: 'writeFile' | 'writeFileSync' | 'atomicWrite' | 'atomicWriteSync' | 'stream' | 'source';
      readonly name: Name;
      readonly size: number;
      readonly options: WriteOptions;
      /** The version that is expected, if any. */
      readonly expected: 'any' | 'none' | 'the current one' | 'another one';
    }
  | {
      readonly kind: 'update';
      readonly way: 'updateFile' | 'updateFileSync' | 'updateJson' | 'updateJsonSync';
      readonly name: Name;
      readonly options: WriteOptions;
    }
  | { readonly kind: 'transaction'; readonly blocking: boolean; readonly changes: readonly Change[] }
  | { readonly kind: 'writeFiles'; readonly names: readonly Name[]; readonly options: WriteOptions }
  | { readonly kind: 'replaceDirectory'; readonly blocking: boolean; readonly name: 'folder' | 'none' | 'plain' };

/** A program, and what comes last: that is another without the native part, by promise. */
export interface Program {
  readonly deeds: readonly Deed[];
  readonly last: Deed | undefined;
}

const name = fc.constantFrom(
  ...names,
  'plain',
  'attributes',
  'none',
  'private',
  'with set-id',
  'linked',
) as fc.Arbitrary<Name>;
const apart = ['plain', 'private', 'attributes', 'odd \xff', 'none', 'folder/inner', 'missing/parents/file'] as const;
const keep = fc.constantFrom('try', 'require', 'off') as fc.Arbitrary<'try' | 'require' | 'off'>;
const mode = fc.constantFrom(0, 0o600, 0o644, 0o640, '0751', 0o4750);

const options = fc.record(
  {
    // A sync of a disk takes longer than all the rest.
    durability: fc.constantFrom(...Array.from({ length: 14 }, () => 'off'), 'normal', 'full'),
    mode,
    owner: fc.constantFrom({ uid: 64_002 }, { gid: 64_002 }, { uid: 64_001, gid: 64_010 }),
    preserve: fc.record(
      { mode: keep, owner: keep, xattr: fc.constantFrom('try', 'off'), flags: keep, times: keep },
      { requiredKeys: [] },
    ),
    symlink: fc.constantFrom('follow', 'replace', 'refuse'),
    hardLink: fc.constantFrom('break', 'refuse'),
    overwrite: fc.constantFrom(true, false),
    ifUnchanged: fc.constantFrom('write', 'skip'),
    makeParents: fc.boolean(),
    backup: fc.constantFrom('simple', 'numbered', { numbered: 1 }),
    fallback: fc.constantFrom('error', 'in-place'),
    temporary: fc.constantFrom({ prefix: 'made-' }, { keepOnError: true }, { suffix: '.new' }),
    linger: fc.boolean(),
  },
  { requiredKeys: ['durability'] },
) as fc.Arbitrary<WriteOptions>;

const few = fc.record(
  { mode, backup: fc.constantFrom('simple', { numbered: 2 }), overwrite: fc.boolean() },
  { requiredKeys: [] },
) as fc.Arbitrary<Pick<WriteOptions, 'mode' | 'backup' | 'overwrite'>>;

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), name, options: few }),
  fc.record({ kind: fc.constant('remove' as const), name, force: fc.boolean(), backup: fc.boolean() }),
  fc.record({ kind: fc.constant('rename' as const), name, to: name, overwrite: fc.boolean() }),
);

const write: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constant('write' as const),
  way: fc.constantFrom(
    'writeFile',
    'writeFile',
    'writeFileSync',
    'writeFileSync',
    'atomicWrite',
    'atomicWriteSync',
    'stream',
    'source',
  ),
  name,
  size: fc.constantFrom(0, 3, 3, 3, 3, 3, 5000, 5000, 5000, 1_100_000),
  options,
  expected: fc.constantFrom('any', 'any', 'any', 'any', 'none', 'the current one', 'another one'),
});

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 5, arbitrary: write },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('update' as const),
      way: fc.constantFrom('updateFile', 'updateFileSync', 'updateJson', 'updateJsonSync'),
      name,
      // An update in the place of a link that leads nowhere fails only after two seconds.
      options: options.map((all) => ({ ...all, overwrite: undefined, symlink: undefined })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('transaction' as const),
      blocking: fc.boolean(),
      changes: fc.array(change, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('writeFiles' as const),
      // They are written at the same time: none may depend on another.
      names: fc.uniqueArray(fc.constantFrom(...apart), { minLength: 1, maxLength: 3 }),
      options,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('replaceDirectory' as const),
      blocking: fc.boolean(),
      name: fc.constantFrom('none', 'plain'),
    }),
  },
);

const last: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({
    kind: fc.constant('replaceDirectory' as const),
    blocking: fc.boolean(),
    name: fc.constant('folder' as const),
  }),
  fc.record({
    kind: fc.constant('write' as const),
    way: fc.constantFrom('writeFile', 'writeFileSync'),
    name: fc.constantFrom('attributes', 'odd \xff', 'private'),
    size: fc.constant(3),
    options: fc.constant({ durability: 'off', preserve: { xattr: 'require' } } as const),
    expected: fc.constant('any'),
  }),
);

export const programs: fc.Arbitrary<Program> = fc.record({
  deeds: fc.array(deed, { minLength: 1, maxLength: 6 }),
  last: fc.option(last, { nil: undefined, freq: 3 }),
});
