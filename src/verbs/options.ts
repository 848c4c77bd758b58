/** How the options of the verbs are read: those of a write that make sense for them, and some of their own. */
import { record, type Fields, type WriteOptions } from '../contract/index.ts';
import { readOptions, type Settings } from '../files/index.ts';

/** Settings of a verb that acts on the name itself, whatever the name is of. */
export function readNameOptions<const K extends keyof WriteOptions>(
  given: object | null | undefined,
  known: readonly K[],
  further: readonly string[] = [],
): { readonly settings: Settings; readonly fields: Fields } {
  const fields = record(given, 'options', [...known, ...further]);
  const own = Object.fromEntries(known.map((name) => [name, fields[name]]));
  return { settings: readOptions({ ...own, symlink: 'replace' }), fields };
}
