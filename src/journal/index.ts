/** Records of transactions, and their recovery. */
export { type Change, encodePointer, type Identity, identityOf, siteFrom } from './format.ts';
export * as record from './record.ts';
export { assertMade, type Made, makeAll, type Part, pathOf, whatItHolds } from './apply.ts';
export { leftovers } from './scan.ts';
export { Abandoned, giveUpLock } from './unfinished.ts';
export { resolveDead } from './resolve-owner.ts';
export { expectVersion, underLock } from './under-lock.ts';
export { Written } from './written.ts';
export { recoverOnce, type Recovery } from './recover-directory.ts';
export { recover, type RecoverOptions, recoverSync } from './recover.ts';
export type { KeptTransaction, RecoveredFile, RecoverResult } from './result.ts';
