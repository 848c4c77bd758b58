/** Turns of the calls of this process at one file. */
export { Committed } from './committed.ts';
export type { RenameUnderWay } from './renames.ts';
export { overtaken, Turn } from './turn.ts';
