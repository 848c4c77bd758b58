/**
 * What is refused, or told, on filesystems where not every promise holds.
 *
 * A single machine cannot see that its lock does not exclude the others, nor that a server deletes what it should
 * replace. So the kind of the filesystem decides, and not a trial.
 */
import { display, refusal } from '../contract/index.ts';
import type { Filesystem } from './filesystems.ts';
import type { Operation } from './operation.ts';

const anyway = "use another filesystem, or accept that with the option filesystem: 'any'";

/** Fails before a lock is taken where it would not exclude others, unless the caller accepts that. */
export function refuseUnsafe({ settings }: Operation, filesystem: Filesystem): void {
  const { trust, label, danger, shortestLease = 0 } = filesystem;
  if (settings.filesystem === 'any') return;
  if (trust === 'unsafe')
    throw refusal('ERR_UNTORN_UNSAFE_FILESYSTEM', `no lock can be trusted on ${label}: ${danger}; ${anyway}`);
  const { lease } = settings.lock;
  if (lease < shortestLease)
    throw refusal(
      'ERR_LOCK_UNSUPPORTED',
      `a lease of ${lease} ms is too short on ${label}: other machines see signs of life late, ` +
        `and would take a live holder for dead; use ${shortestLease} ms or more`,
    );
}

/** Tells the program once what a plain write cannot promise. */
export function warnOfUnsafe({ settings, environment, given }: Operation, { trust, label, danger }: Filesystem): void {
  if (trust !== 'unsafe' || settings.filesystem === 'any') return;
  environment.warnOnce(
    'UNTORN_UNSAFE_FILESYSTEM',
    `"${display(given)}" is on ${label}, where not all promises hold: ${danger}; ${anyway}`,
    label,
  );
}
