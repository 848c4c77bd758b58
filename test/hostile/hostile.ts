/** What tests of this folder need, and what they have in common. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { after, before, it, type TestContext } from 'node:test';
import { reasonNotToSpoil } from '../fault/spoiler.ts';
import { as, bob, type User } from '../support/as-user.ts';
import { filesystemOf, note } from '../support/evidence.ts';
import { environment, isRoot } from '../support/needs.ts';
import { command } from './package.ts';
import { World } from './world.ts';

/** Why none of this can be tried here, or false. */
export const reasonNotToAttack: string | false = reason();

function reason(): string | false {
  if (!isRoot) return 'needs root';
  if (reasonNotToSpoil !== false) return reasonNotToSpoil;
  const [setpriv, ...args] = [...as(bob), process.execPath, command, '--version'];
  const { status, error } = spawnSync(setpriv, args, { env: environment });
  return status === 0
    ? false
    : `needs setpriv, and a package and a Node.js that ordinary users may read: ${error?.message ?? ''}`;
}

/** What all that was tried came to: how often it could be done, and what it did. */
export interface Tally {
  readonly trials: number;
  readonly done: number;
  readonly harm: readonly string[];
}

export interface Suite {
  /** A world for its tests. */
  readonly world: () => World;
  /** A test that fails if anything did harm, or if less than so much could be done. */
  holds(name: string, attack: (t: TestContext) => Promise<Tally>, atLeast?: number): void;
}

/** To be called in a suite, with the ids of the guarantees that it shows. */
export function attacks(...guarantees: readonly string[]): Suite {
  let world: World | undefined;
  before(() => {
    world = new World();
  });
  after(() => world?.end());
  return {
    world: () => world as World,
    holds(name, attack, atLeast = 1) {
      void it(name, async (t) => {
        const { trials, done, harm } = await attack(t);
        t.diagnostic(`${done} of ${trials} could be done`);
        note({
          of: 'acts of a neighbour',
          guarantees,
          filesystem: filesystemOf(tmpdir()),
          durabilities: ['full'],
          count: done,
          violations: harm.length,
        });
        assert.ok(done >= atLeast, 'nothing could be done');
        const some = harm.length > 12 ? [...harm.slice(0, 12), `and ${harm.length - 12} more`] : harm;
        assert.ok(harm.length === 0, `${harm.length} of ${trials} did harm:\n  ${some.join('\n  ')}`);
      });
    },
  };
}

/** The command, as a user. */
export function untorn(
  user: User,
  ...args: readonly string[]
): { status: number | null; stdout: string; stderr: string } {
  const [setpriv = '', ...rest] = [...as(user), process.execPath, command, ...args];
  return spawnSync(setpriv, rest, { encoding: 'utf8', env: { ...environment, NODE_OPTIONS: '' }, timeout: 60_000 });
}
