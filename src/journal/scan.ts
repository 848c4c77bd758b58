/** Directory listings, and the transactions that are under way or were interrupted according to them. */
import { asText, type PathName } from '../contract/index.ts';
import { tokenForm, type Steps } from '../system/index.ts';
import { type OpenFolder, namesIn } from '../files/index.ts';
import { parseRecordName } from './record.ts';

/** The names in one directory that belong to one transaction. */
export interface Left {
  record?: PathName;
  pointer?: PathName;
  readonly staged: PathName[];
}

const stagedName = new RegExp(`untorn-x-(${tokenForm})[-+]`);

/** The names by the transaction's id. */
export function leftovers(names: readonly PathName[]): Map<string, Left> {
  const all = new Map<string, Left>();
  const of = (id: string): Left => {
    const left = all.get(id) ?? { staged: [] };
    all.set(id, left);
    return left;
  };
  for (const name of names) {
    const record = parseRecordName(asText(name));
    const staged = stagedName.exec(asText(name))?.[1];
    if (record?.kind === 'pointer') of(record.id).pointer = name;
    else if (record !== undefined) of(record.id).record = name;
    else if (staged !== undefined) of(staged).staged.push(name);
  }
  return all;
}

/**
 * The remains of transactions in some directories. Each directory is listed once, however many transactions are looked
 * for.
 */
export class Leftovers {
  readonly #listed = new Map<string, Map<string, Left>>();

  *in(folder: OpenFolder): Steps<ReadonlyMap<string, Left>> {
    const known = this.#listed.get(folder.directory.key) ?? leftovers(yield* namesIn(folder));
    this.#listed.set(folder.directory.key, known);
    return known;
  }
}
