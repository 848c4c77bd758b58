/** The losses of an update of a JSON file, in parts that it does not change. */
import { oneOf, type Fields, type PathName } from '../contract/index.ts';
import { JsonError, placeIn } from './json-error.ts';
import { OddNumbers } from './json-numbers.ts';
import type { ReadSettings } from './json-options.ts';
import { countProperties, lookAt, Scan } from './json-scan.ts';
import { decode } from './json-text.ts';

export const keepingOptions = ['numbers', 'duplicateKeys'] as const;

/** What to keep. */
export interface Keeping {
  readonly numbers: 'keep' | 'double';
  readonly duplicateKeys: 'refuse' | 'last';
}

export function readKeeping(options: Fields): Keeping {
  return {
    numbers: oneOf(options, 'numbers', ['keep', 'double']),
    duplicateKeys: oneOf(options, 'duplicateKeys', ['refuse', 'last']),
  };
}

/** What would be lost of a file whose value is `value`. */
export interface Losses {
  readonly numbers: OddNumbers | undefined;
  /** Why it cannot be written. */
  readonly duplicate: JsonError | undefined;
}

/** Must be called before the value is changed. Few files have such parts, so a quick look is enough for most. */
export function lossesOf(
  path: PathName,
  bytes: Buffer,
  value: unknown,
  { reviver, migrate, schema }: ReadSettings,
  keeping: Keeping,
): Losses {
  const { mayHaveOddNumbers, keys } = lookAt(bytes);
  const numbers =
    keeping.numbers === 'keep' && mayHaveOddNumbers ? OddNumbers.read(path, decode(path, bytes), value) : undefined;
  if (keeping.duplicateKeys === 'last') return { numbers, duplicate: undefined };
  const read =
    reviver === undefined && migrate === undefined && schema === undefined
      ? value
      : (JSON.parse(decode(path, bytes)) as unknown);
  return { numbers, duplicate: keys === countProperties(read) ? undefined : duplicateIn(path, decode(path, bytes)) };
}

function duplicateIn(path: PathName, text: string): JsonError | undefined {
  let found: JsonError | undefined;
  new Scan(text, {
    repeated(at, scan) {
      found ??= new JsonError('ERR_UNTORN_JSON_DUPLICATE_KEY', {
        path,
        reason: `has ${written(scan)} twice, and an update would lose one of them`,
        ...placeIn(text, at),
      });
    },
  }).run();
  return found;
}

/** The text as a program would write it. */
function written(scan: Scan): string {
  const parts = scan.path().map(({ key, isIndex }) => (isIndex ? `[${key}]` : `[${JSON.stringify(key)}]`));
  return `value${parts.join('').replace(/\["([\p{ID_Start}$_][\p{ID_Continue}$]*)"\]/gu, '.$1')}`;
}
