/** One operation on one file: its directory, target, temporary file, contents, metadata, snapshot. */
export {
  asWriteError,
  during,
  failedDuring,
  isLocked,
  lockAgain,
  type LockedOperation,
  newLockedOperation,
  newLook,
  newOperation,
  type Operation,
  refusedByPermissions,
  reporting,
  stepOf,
  throwIfAborted,
} from './operation.ts';
export { readOptions, readOptionsAnd, type Settings } from './settings.ts';
export { whileBusy, whileOpen } from './busy.ts';
export { type Filesystem, filesystemAt } from './filesystems.ts';
export { refuseUnsafe, warnOfUnsafe } from './safety.ts';
export { boundToContent } from './attributes.ts';
export { type Attributes, list as listAttributes } from './attribute-names.ts';
export { lookAt, lookUntil, type Waiting } from './look.ts';
export { afterFailure, ifThere, twice, unlinkIfThere } from './tolerate.ts';
export {
  closeDirectory,
  type Directory,
  isExclusive,
  isStill,
  openDirectory,
  syncDirectory,
  syncLinks,
  syncNow,
  fileKey,
  inOrder,
  type OpenFolder,
} from './directory.ts';
export { preserving } from './preserve.ts';
export {
  closeFound,
  type FoundDirectory,
  inFound,
  isFixed,
  isOwn,
  isSameInode,
  isTrusted,
  lookIn,
  namesIn,
  openFound,
  openGiven,
  readFound,
  readOwn,
  rmdirIn,
  unlinkIn,
  whyNotOwn,
} from './owned.ts';
export { isNarrow, openMade, widened } from './made.ts';
export {
  othersRename,
  closeTemporary,
  createTemporary,
  type Creation,
  discardTemporary,
  endHold,
  examineTemporary,
  forgetTemporary,
  keepTemporary,
  moveTemporary,
  newFileFlags,
  newName,
  readingNew,
  releaseTemporary,
  statusOf,
  syncTemporary,
  type TemporaryFile,
} from './temporary.ts';
export { openStaging, stagingFolder } from './staging.ts';
export { cannotSync, syncFile } from './sync-file.ts';
export { removeTree, syncTree } from './tree.ts';
export {
  type Enclosure,
  leaveEnclosure,
  lookInside,
  makeEnclosure,
  moveIn,
  nameInside,
  removeEnclosure,
  removeInEnclosure,
  tokenOf,
} from './enclosure.ts';
export { assertInPlace, holdTemporary } from './exchanged.ts';
export { keepFlags, mayHaveFlags, readFlags } from './inode-flags.ts';
export { SharedSync } from './shared-sync.ts';
export { applyMetadata, assertPrivate, privateMode, safeMode } from './metadata.ts';
export { makeNoted, parentsMayBeUnsynced, syncParents } from './parents.ts';
export {
  assertStillThere,
  closeTarget,
  examineOld,
  isReadOnly,
  lookAgain,
  openTarget,
  refuseReadOnly,
  refuseTooLong,
  releaseOld,
  shareTarget,
  type Target,
} from './target.ts';
export { copyContent, holds, holdSame, readFully } from './copy.ts';
export { isWorthASync } from './early-sync.ts';
export {
  type FileSource,
  isSyncedMeanwhile,
  settled,
  writeAll,
  writeAllOf,
  writeContent,
  writeRest,
} from './contents.ts';
export {
  assertUnchanged,
  isSame,
  type Read,
  readPath,
  readTarget,
  type Snapshot,
  versionConflict,
  versionInPlace,
  versionOfFile,
} from './snapshot.ts';
export { syncInPlace } from './sync-existing.ts';
export { timeIn, youngIn, type IsYoung } from './filesystem-clock.ts';
export type { Folder } from './folder.ts';
