/** The replacement itself; replace.ts has the whole sequence. */
export { openSame } from './in-place.ts';
export { createStaged, finishTemporary, giveUp, stage, type Staged } from './stage.ts';
export { numbered, numbersBelieved, simple, whyNoBackup } from './backup-names.ts';
export { numberBackup, type StagedBackup, stageOld, syncOld } from './backup.ts';
export type { AtHand, LaterContent } from './deferred-content.ts';
export { supersededBy } from './superseded.ts';
export { unreadable } from './unchanged.ts';
export { commitStaged } from './replace.ts';
export { claimTarget, type Change, type Rereading, type Updated, updateTarget } from './locked.ts';
export { confirmName, linkOnly, renameNew } from './rename.ts';
export { replaceFile } from './replace-file.ts';
export { Group, replaceInGroup } from './together.ts';
