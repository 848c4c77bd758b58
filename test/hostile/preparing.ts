/** What an operation finds in the shared directory, made by its own user with the package itself. */
import { setAttribute } from '../support/attributes.ts';
import { bob, type User } from '../support/as-user.ts';
import type { Need } from './operations.ts';
import { Planter } from './planting.ts';
import type { Scene } from './scene.ts';
import type { World } from './world.ts';

/** An ACL in the form of the system: the owner and one more user may read and write, group and others read. */
function aclFor(uid: number): Buffer {
  const entries = [
    [0x01, 6, -1],
    [0x02, 6, uid],
    [0x04, 4, -1],
    [0x10, 6, -1],
    [0x20, 4, -1],
  ] as const;
  const bytes = Buffer.alloc(4 + 8 * entries.length);
  bytes.writeUInt32LE(2);
  for (const [at, [tag, rights, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + 8 * at);
    bytes.writeUInt16LE(rights, 6 + 8 * at);
    bytes.writeInt32LE(id, 8 + 8 * at);
  }
  return bytes;
}

export async function prepare(
  world: World,
  scenes: readonly Scene[],
  user: User,
  needs: readonly Need[],
): Promise<void> {
  for (const scene of scenes) {
    if (needs.includes('acl')) setAttribute(scene.at('state'), 'system.posix_acl_access', aclFor(bob.uid));
    if (needs.includes('damaged')) scene.put('config.json', '{ "half":', user);
    if (needs.includes('damaged')) scene.put('config.json~', '{ "older": true }', user);
  }
  if (!needs.includes('site') && !needs.includes('backups')) return;
  const planter = await Planter.start(world, user);
  try {
    for (const scene of scenes) {
      if (needs.includes('backups'))
        for (let times = 0; times < 2; times++) await planter.perform(scene.folder, 'backUp');
      if (!needs.includes('site')) continue;
      // The package makes a link to a version of its own only where there is one already, or nothing.
      await planter.perform(scene.folder, 'replaceDirectory');
    }
  } finally {
    await planter.die();
  }
}
