/** The turns that this process's calls on one file take. */
export { Committed } from './queue.ts';
export type { RenameUnderWay } from './renames.ts';
export { overtaken, Turn } from './turn.ts';
