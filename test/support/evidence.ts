/**
 * Figures that the tests find, for docs/guarantees.md and docs/evidence.md: written down where `npm run evidence` asks
 * for them.
 */
import { appendFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import type { Durability } from 'untorn';

export interface Figure {
  /** What the count is of: `'power cuts'`. */
  readonly of: string;
  /** Their ids. */
  readonly guarantees: readonly string[];
  /** Where it was tried: `'ext4'`. */
  readonly filesystem: string;
  readonly durabilities: readonly Durability[];
  readonly count: number;
  readonly violations: number;
  /** What was tried, if not this package. */
  readonly program?: string;
  /** What else is to be said. */
  readonly details?: object;
}

export const everyDurability: readonly Durability[] = ['full', 'normal', 'off'];

/** Writes a figure down, if anybody wants to know. */
export function note(figure: Figure): void {
  const path = process.env['UNTORN_EVIDENCE'];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(figure)}\n`);
}

/** What stands for a filesystem where Node's build for Windows runs under Wine. */
export function windowsWith(nodeVersion: string): string {
  return `Windows under Wine, Node ${nodeVersion.split('.')[0]}`;
}

/** The kind of filesystem that a folder is on. */
export function filesystemOf(folder: string): string {
  if (process.platform === 'win32') return windowsWith(process.versions.node);
  return execFileSync('stat', ['-f', '-c', '%T', folder], { encoding: 'utf8' }).trim().replace('ext2/ext3', 'ext4');
}
