/**
 * The system calls and the drivers that make them for the steps of the protocol; owners, the clock, the end of the
 * process.
 */
export { clearTimeout, currentTime, nextTick, queueMicrotask, setTimeout, now } from './globals.ts';
export {
  newRandomName,
  digest,
  fnv1a,
  judge,
  type Owner,
  parseToken,
  type Sign,
  thisOwner,
  tokenForm,
  type TokenKind,
} from './owner.ts';
export {
  uninterrupted,
  call,
  chain,
  fileType,
  type Chained,
  type Link,
  opened,
  type Change,
  type Environment,
  type FileStatus,
  type Guard,
  isSynchronous,
  lastChange,
  nothing,
  type Steps,
  concurrently,
  wait,
} from './port.ts';
export { runAsync, startAsync } from './async-driver.ts';
export {
  MAY_CHANGE,
  MAY_READ,
  O_APPENDING,
  O_DIRECTORY,
  O_DIRECTORY_ITSELF,
  O_DSYNC,
  O_HOLD,
  O_NAMELESS,
  O_NEW,
  O_NEW_APPENDING,
  O_NOFOLLOW,
  O_PATH_DIRECTORY,
  O_PATH_FILE,
  O_RDONLY,
  O_RDWR,
  O_READ,
  O_TO_SYNC,
} from './flags.ts';
export { waitsElsewhere } from './lease.ts';
export type { Mount } from './mounts.ts';
export { heldAround, holding } from './holding.ts';
export { commandOf, mayDo } from './processes.ts';
export { whenProcessEnds } from './process-end.ts';
export { runSync } from './systems.ts';
export { type LockOwner, parseLockToken, resolvingName } from './lock-owner.ts';
export { environment } from './environment.ts';
export { absolutePath, givenPath, type GivenPath, targetPath } from './paths.ts';
export { type FileHandle, handleOf, handleSystem } from './handles.ts';
export { prepareToSave, type Unsaved, unwatch, watch } from './unsaved.ts';
export {
  descriptorsClosed,
  forBytes,
  forSources,
  givePermit,
  releaseSpares,
  reserveSpares,
  whenDescriptorsAllow,
  withoutWaiting,
  withSpares,
} from './descriptors.ts';
