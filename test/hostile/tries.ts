/** Races as tests. */
import { bobOfDev, type User } from '../support/as-user.ts';
import type { Suite, Tally } from './hostile.ts';
import { operation, operations, type OperationName } from './operations.ts';
import { full } from './package.ts';
import { momentsOf, type Moment } from './planting.ts';
import { race } from './races.ts';
import { sample } from './sample.ts';
import { aliceOfDev, root, type Kind } from './scene.ts';
import { substitutes, type SubstituteName } from './substitutes.ts';
import type { World } from './world.ts';

const everything = Object.keys(substitutes) as SubstituteName[];
export const directories: readonly SubstituteName[] = [
  "Alice's directory",
  "a link to the superuser's directory",
  "a link to Alice's directory",
];
export const files: readonly SubstituteName[] = [
  "Alice's file",
  "a link to the superuser's file",
  'a FIFO',
  'a directory',
];

export interface Try {
  readonly operation: OperationName;
  readonly who?: 'root' | 'alice';
  readonly kind?: Kind;
  /** What the neighbour was at when he was killed; or the user himself. */
  readonly after?: readonly OperationName[];
  readonly by?: 'neighbour' | 'self';
  /** At how many moments of that. */
  readonly moments?: number;
  readonly with: readonly SubstituteName[];
  readonly some: number;
  /** How often it must be possible; once, if nothing is said. */
  readonly atLeast?: number;
}

const users: Readonly<Record<'root' | 'alice', User>> = { root, alice: aliceOfDev };

async function plants(
  world: World,
  kind: Kind,
  after: readonly OperationName[],
  some: number,
  by: User,
): Promise<Moment[]> {
  const all: Moment[] = [];
  for (const operation of after) all.push(...(await momentsOf(world, kind, operation, by)));
  return sample(all, ({ operation }) => operation, some);
}

export function tries({ world, holds }: Suite, text: string, all: readonly Try[]): void {
  for (const {
    operation,
    who = 'root',
    kind = 'group',
    after,
    by = 'neighbour',
    moments = 5,
    with: given,
    some,
    atLeast,
  } of all) {
    const planted =
      after === undefined
        ? ''
        : `, beside what ${by === 'self' ? 'was left of his own' : 'a neighbour left'} of ${after.join(', ')}`;
    const planter = by === 'self' ? users[who] : bobOfDev;
    const name = `${text}: ${operation} as ${who === 'root' ? 'the superuser' : 'an ordinary user'}${kind === 'sticky' ? ' in a sticky directory' : ''}${planted}`;
    const attack = async (): Promise<Tally> => {
      const common = { world: world(), kind, user: users[who], operation, with: full ? everything : given };
      return race(
        after === undefined
          ? common
          : { ...common, by: planter, planted: await plants(world(), kind, after, moments, planter) },
        some,
      );
    };
    holds(name, attack, atLeast);
  }
}

/** All operations, for everybody, everywhere, beside all that somebody was at who was killed. */
export function everyOther(): Try[] {
  const after = [
    'updateFile',
    'transaction',
    'replaceDirectory',
    'replaceDirectory failing',
    'writeFile with a backup',
    'transaction with a home of its own',
  ] as const;
  const finding = new Set<OperationName>([
    'sweep',
    'sweepSync',
    'sweep recursive',
    'recover',
    'recoverSync',
    'transaction',
    'transactionSync',
    'updateFile',
    'updateFileSync',
    'replaceDirectory',
  ]);
  const names = (Object.keys(operations) as OperationName[]).filter(
    (name) => operation(name).given.length > 0 || finding.has(name),
  );
  return names.flatMap((name) =>
    (['root', 'alice'] as const).flatMap((who) =>
      (['group', 'sticky'] as const).flatMap((kind): Try[] => {
        // In a sticky directory there is little that he can do to what is not his.
        const alone: Try = {
          operation: name,
          who,
          kind,
          with: everything,
          some: 15,
          atLeast: kind === 'sticky' ? 0 : 1,
        };
        const beside = finding.has(name)
          ? (['neighbour', 'self'] as const).map((by): Try => ({ ...alone, after, by, moments: 3 }))
          : [];
        // Where nothing is given and nothing is planted there is nothing to exchange.
        return operation(name).given.length === 0 && name !== 'sweep recursive' ? beside : [alone, ...beside];
      }),
    ),
  );
}
