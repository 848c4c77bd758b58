/** All that is tried, in the groups in which it is told. */
import { durable } from './durability.ts';
import { keeping } from './keeping.ts';
import { killing } from './killing.ts';
import { racing } from './racing.ts';
import type { Behaviour } from './stage.ts';
import { writing } from './writing.ts';

export const groups: readonly { readonly title: string; readonly behaviours: readonly Pick<Behaviour, 'name' | 'about'>[] }[] = [
  { title: 'Contents, names and metadata', behaviours: [...writing, ...keeping] },
  { title: 'Several processes, crashes', behaviours: [...racing, ...killing, durable] },
];
