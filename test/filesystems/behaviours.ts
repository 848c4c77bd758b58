/** All that is tried, in the groups in which it is told. */
import { committing } from './committing.ts';
import { durable } from './durability.ts';
import { examining } from './examining.ts';
import { keeping } from './keeping.ts';
import { killing } from './killing.ts';
import { naming } from './naming.ts';
import { racing } from './racing.ts';
import { sharing } from './sharing.ts';
import type { Behaviour } from './stage.ts';
import { writing } from './writing.ts';

export const groups: readonly {
  readonly title: string;
  readonly behaviours: readonly Pick<Behaviour, 'name' | 'about'>[];
}[] = [
  { title: 'Contents, names and metadata', behaviours: [...writing, ...naming, ...keeping, ...sharing, ...examining] },
  { title: 'Several processes, crashes', behaviours: [...racing, ...committing, ...killing, durable] },
];
