/** What a directory listing says of transactions that are under way or were interrupted. */
import { asText, type PathName } from '../path.ts';
import { tokenForm } from '../system/owner.ts';
import { parseRecordName } from './record.ts';

/** The names in one directory that belong to one transaction. */
export interface Left {
  record?: PathName;
  pointer?: PathName;
  staged?: PathName;
}

const stagedName = new RegExp(`untorn-x-(${tokenForm})-`);

/** By the transaction's id. */
export function leftovers(names: readonly PathName[]): Map<string, Left> {
  const all = new Map<string, Left>();
  const of = (id: string): Left => {
    const left = all.get(id) ?? {};
    all.set(id, left);
    return left;
  };
  for (const name of names) {
    const record = parseRecordName(asText(name));
    const staged = stagedName.exec(asText(name))?.[1];
    if (record?.kind === 'pointer') of(record.id).pointer = name;
    else if (record !== undefined) of(record.id).record = name;
    else if (staged !== undefined) of(staged).staged = name;
  }
  return all;
}

