/** The native part of the package. Where it is missing, the package promises less, and tests expect that. */
import type { TestContext } from 'node:test';
import { native } from '#untorn/system/native.js';

/** Whether the package can exchange names, rename without replacing, sync a filesystem and keep attributes here. */
export const hasNative: boolean = 'exchange' in (native()?.operations ?? {});

/** Why what needs it is skipped, or false. */
export const withoutNative: string | false = hasNative ? false : 'needs the native part of the package';

/** Whether it is there; skips the test if not. */
export function needsNative(t: TestContext): boolean {
  if (withoutNative !== false) t.skip(withoutNative);
  return hasNative;
}
