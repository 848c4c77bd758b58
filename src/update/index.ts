/** Updates: read, change, replace. */
export { readVersioned, readVersionedSync, type Versioned } from './read-versioned.ts';
export { lockedWrite, outcomeOf, type UpdateInfo } from './updating.ts';
export { updateFile, updateFileSync } from './update-file.ts';
