/** An update of a value whose content is not a file's: the same rules, and nothing of a file. */
import { unchanged, type Fields } from '../contract/index.ts';
import { keepingOptions, lossesOf, readKeeping, type Keeping } from './json-keeping.ts';
import { formatOptions, readFormat, readReading, type FormatSettings, type ReadSettings } from './json-options.ts';
import { stringify } from './json-strict.ts';
import { compact, encode, indentedBy, layOut, layoutOf } from './json-text.ts';
import { initialValue, migrated, parsed } from './read-json.ts';
import { validate } from './schema.ts';

/** The options of an update that are not about files. */
export const jsonUpdateOptions: readonly string[] = [
  ...formatOptions,
  'reviver',
  'migrate',
  'initial',
  ...keepingOptions,
];

export interface JsonUpdate {
  readonly reading: ReadSettings;
  readonly writing: FormatSettings;
  readonly keeping: Keeping;
}

export function readJsonUpdate(fields: Fields): JsonUpdate {
  return {
    reading: readReading(fields),
    writing: readFormat({ encoding: 'utf8' }, fields),
    keeping: readKeeping(fields),
  };
}

/** The new content for an old one, or undefined to leave it. `path`: what errors call it. */
export async function changedText(
  path: string,
  bytes: Buffer | undefined,
  { reading, writing: { format, indent, replacer, schema }, keeping }: JsonUpdate,
  update: (value: unknown) => unknown,
): Promise<Buffer | undefined> {
  const validated = async (value: unknown, isNew: boolean): Promise<unknown> => {
    const result = validate(schema, path, value, isNew);
    return 'later' in result ? result.later : result.value;
  };
  let value: unknown;
  if (bytes !== undefined) value = await validated(migrated(reading, parsed(path, bytes, reading)), false);
  else if (reading.initial !== undefined) value = await validated(initialValue(path, reading), false);
  const losses =
    bytes === undefined || format !== undefined ? undefined : lossesOf(path, bytes, value, reading, keeping);
  const changed = await update(value);
  if (changed === unchanged) return undefined;
  if (losses?.duplicate !== undefined) throw losses.duplicate;
  if (format !== undefined) {
    const content = format.contentOf(changed, bytes);
    const read = format.parse(path, content, true);
    if (schema !== undefined) await validated(read, true);
    return content;
  }
  const text = stringify(changed, replacer, indent.forced, losses?.numbers, path);
  if (schema !== undefined) await validated(JSON.parse(text), true);
  if (indent.forced !== undefined) return encode(text, '\n');
  return layOut(text, indentedBy(bytes === undefined ? compact : layoutOf(bytes), indent.otherwise));
}
