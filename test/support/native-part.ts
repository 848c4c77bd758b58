/** The native part of the package. Where it is missing, the package promises less, and tests expect that. */
import assert from 'node:assert/strict';
import { statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { TestContext } from 'node:test';
import type { NotKept } from 'untorn';
import { hasJournal } from '#untorn/system/mounts.js';
import { native } from '#untorn/system/native.js';
import { newFolder } from './folder.ts';

/** Whether the package can exchange names, rename without replacing, sync a filesystem and keep attributes here. */
export const hasNative: boolean = 'exchange' in (native()?.operations ?? {});

/** Why what needs it is skipped, or false. */
export const withoutNative: string | false = hasNative ? false : 'needs the native part of the package';

/** Whether it is there; skips the test if not. */
export function needsNative(t: TestContext): boolean {
  if (withoutNative !== false) t.skip(withoutNative);
  return hasNative;
}

/**
 * What a result says was not kept of a file that was there, apart from attributes if nothing can tell whether it had
 * any: without the native part each result says so.
 */
export function knownLosses(notKept: readonly NotKept[] | undefined): readonly NotKept[] | undefined {
  // On Windows nothing is asked for.
  if (hasNative || process.platform === 'win32') return notKept;
  assert.ok(notKept?.includes('xattr'), `attributes were not kept, and it says ${String(notKept)}`);
  return notKept?.filter((name) => name !== 'xattr');
}

/**
 * A new folder in which symbolic links can be made durable. On a disk without a journal that needs the native part; in
 * memory it needs nothing.
 */
export function newFolderForLinks(t: TestContext): string {
  const base = tmpdir();
  const isExt = process.platform === 'linux' && statfsSync(base).type === 0xef53;
  const needsIt = isExt && !hasJournal(statSync(base, { bigint: true }).dev);
  return newFolder(t, needsIt && !hasNative ? '/dev/shm' : base);
}
