/** Something else in the place of what is looked at, opened, renamed or removed by its name: see races.ts. */
import { describe } from 'node:test';
import { bobOfDev, type User } from '../support/as-user.ts';
import { attacks, reasonNotToAttack } from './hostile.ts';
import { operation, operations, type OperationName } from './operations.ts';
import { full } from './package.ts';
import { momentsOf, type Moment } from './planting.ts';
import { race } from './races.ts';
import { sample } from './sample.ts';
import { aliceOfDev, root, type Kind } from './scene.ts';
import { substitutes, type SubstituteName } from './substitutes.ts';
import type { World } from './world.ts';

const everything = Object.keys(substitutes) as SubstituteName[];
const directories: readonly SubstituteName[] = ["Alice's directory", "a link to the superuser's directory", "a link to Alice's directory"];
const files: readonly SubstituteName[] = ["Alice's file", "a link to the superuser's file", 'a FIFO', 'a directory'];

interface Try {
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
}

const users: Readonly<Record<'root' | 'alice', User>> = { root, alice: aliceOfDev };

async function plants(world: World, kind: Kind, after: readonly OperationName[], some: number, by: User): Promise<Moment[]> {
  const all: Moment[] = [];
  for (const operation of after) all.push(...(await momentsOf(world, kind, operation, by)));
  return sample(all, ({ operation }) => operation, some);
}

function tries({ world, holds }: ReturnType<typeof attacks>, text: string, all: readonly Try[]): void {
  for (const { operation, who = 'root', kind = 'group', after, by = 'neighbour', moments = 5, with: given, some } of all) {
    const planted = after === undefined ? '' : `, beside what ${by === 'self' ? 'was left of his own' : 'a neighbour left'} of ${after.join(', ')}`;
    const planter = by === 'self' ? users[who] : bobOfDev;
    holds(`${text}: ${operation} as ${who === 'root' ? 'the superuser' : 'an ordinary user'}${kind === 'sticky' ? ' in a sticky directory' : ''}${planted}`, async () =>
      race({ world: world(), kind, user: users[who], operation, with: full ? everything : given, ...(after !== undefined && { by: planter, planted: await plants(world(), kind, after, moments, planter) }) }, some),
    );
  }
}

describe('a neighbour who leads elsewhere (G5, G10)', { skip: reasonNotToAttack }, () => {
  const suite = attacks('G5', 'G10');

  const updates = ['updateFile'] as const;
  tries(suite, 'what he planted leads to nothing of others', [
    { operation: 'sweep', after: updates, with: directories, some: 36 },
    { operation: 'recover', after: updates, with: directories, some: 30 },
    { operation: 'transaction beside', after: updates, with: directories, some: 40 },
    { operation: 'recover', who: 'alice', after: updates, with: directories, some: 30 },
    { operation: 'recoverSync', kind: 'sticky', after: updates, with: directories, some: 30 },
    { operation: 'sweepSync', kind: 'sticky', after: updates, with: directories, some: 30 },
    { operation: 'sweep recursive', after: ['updateFile', 'replaceDirectory'], with: directories, some: 30 },
    { operation: 'sweep', after: ['replaceDirectory', 'replaceDirectory failing'], with: directories, some: 36 },
    { operation: 'sweep', who: 'alice', after: ['replaceDirectory'], with: ["Alice's directory"], some: 24 },
    { operation: 'replaceDirectory', after: ['replaceDirectory'], moments: 4, with: ["Alice's directory"], some: 20 },
    { operation: 'sweep', who: 'alice', after: ['replaceDirectory', 'updateFile'], by: 'self', with: directories, some: 30 },
    { operation: 'sweep', after: ['replaceDirectory', 'updateFile'], by: 'self', with: directories, some: 30 },
  ]);

  tries(suite, 'what is made leads to nothing of others', [
    { operation: 'updateFile', with: directories, some: 30 },
    { operation: 'updateFile', who: 'alice', with: directories, some: 24 },
    { operation: 'transaction', with: directories, some: 40 },
    { operation: 'replaceDirectory', with: directories, some: 40 },
    { operation: 'replaceDirectory', who: 'alice', with: directories, some: 30 },
    { operation: 'replaceDirectory failing', with: directories, some: 30 },
    { operation: 'replaceDirectory left by an exit', with: ["Alice's directory", "a link to the superuser's directory"], some: 10 },
    { operation: 'transaction left by an exit', with: ["Alice's directory"], some: 10 },
    { operation: 'writeFile', with: [...directories, "Alice's file"], some: 24 },
    { operation: 'writeFile with an owner', with: ["Alice's directory", "Alice's file", "a link to the superuser's file"], some: 16 },
  ]);

  tries(suite, 'what says that it succeeded did', [
    { operation: 'writeFile', with: files, some: 20 },
    { operation: 'writeFileSync', who: 'alice', with: files, some: 20 },
    { operation: 'writeFile with a mode', with: files, some: 16 },
    { operation: 'writeFile with a backup', with: files, some: 20 },
    { operation: 'writeFile with numbered backups', with: files, some: 20 },
    { operation: 'writeFile to create', with: files, some: 16 },
    { operation: 'writeFile if it is that version', with: files, some: 24 },
    { operation: 'updateFile refusing links', with: files, some: 24 },
    { operation: 'updateFileSync', with: files, some: 24 },
    { operation: 'updateJson', with: files, some: 24 },
    { operation: 'transaction', with: files, some: 30 },
    { operation: 'transactionSync', with: ['a FIFO', "a link to the superuser's file"], some: 40 },
  ]);

  if (full) tries(suite, 'whatever somebody does', everyOther());
});

/** All operations, for everybody, everywhere, beside all that somebody was at who was killed. */
function everyOther(): Try[] {
  const after = ['updateFile', 'transaction', 'replaceDirectory', 'replaceDirectory failing', 'writeFile with a backup', 'transaction with a home of its own'] as const;
  const finding = new Set<OperationName>(['sweep', 'sweepSync', 'sweep recursive', 'recover', 'recoverSync', 'transaction', 'transactionSync', 'updateFile', 'updateFileSync', 'replaceDirectory']);
  const names = (Object.keys(operations) as OperationName[]).filter((name) => operation(name).given.length > 0 || finding.has(name));
  return names.flatMap((name) =>
    (['root', 'alice'] as const).flatMap((who) =>
      (['group', 'sticky'] as const).flatMap((kind): Try[] => {
        const alone: Try = { operation: name, who, kind, with: everything, some: 15 };
        return finding.has(name) ? [alone, ...(['neighbour', 'self'] as const).map((by): Try => ({ ...alone, after, by, moments: 3 }))] : [alone];
      }),
    ),
  );
}
