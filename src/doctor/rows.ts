/** Which rows of the table of tried filesystems a mount belongs to. */
import type { Mount } from '../system/index.ts';
import type { Findings } from './findings.ts';
import { matrix } from './matrix.ts';

/** The name of a program behind FUSE, where the table has another one. */
const shownAs: Readonly<Record<string, string>> = {
  ext2: 'fuse2fs',
  ext3: 'fuse2fs',
  ext4: 'fuse2fs',
};

/** Options by which rows of overlays differ. */
const special = ['volatile', 'metacopy=on', 'index=on'];

/** The rows that a mount may be: several, where the list of mounts does not tell how the program was started. */
export function rowsOf(mount: Mount | undefined, hasJournal: boolean): string[] {
  if (mount === undefined) return [];
  const { type, options } = mount;
  const names = [...matrix.keys()];
  if (type === 'ext4') return [hasJournal ? 'ext4' : 'ext4 without a journal'];
  if (type === 'overlay') {
    const found = special.find((option) => options.some((one) => one === option || one === `fsync=${option}`));
    return [`overlay, ${found ?? 'index=off'}`];
  }
  // The list of mounts does not name the program that serves a block device.
  if (type === 'fuseblk') return names.filter((name) => /^(?:ntfs-3g|exfat-fuse)/.test(name));
  const program = /^fuse\.(.*)$/.exec(type)?.[1];
  const name = program === undefined ? type : (shownAs[program] ?? program);
  return names.filter(
    (one) => one === name || (program !== undefined && /^[, ]/.test(one.slice(name.length)) && one.startsWith(name)),
  );
}

/** Tells what was tried on such a filesystem. */
export function tellRows(rows: readonly string[], type: string | undefined, findings: Findings): void {
  if (rows.length === 0) {
    const why =
      type === 'fuse' ? 'the list of mounts does not name the program behind FUSE' : `nothing was tried on "${type}"`;
    if (type !== undefined)
      findings.add('fact', 'tried', 'not-tried', `${why}: docs/filesystems.md has what was tried`);
    return;
  }
  if (rows.length > 1)
    findings.add('fact', 'tried', 'rows', `it may be any of these, by the options of its program: ${rows.join('; ')}`);
  for (const name of rows) {
    const { tried, exceptions } = matrix.get(name) as { tried: number; exceptions: readonly string[] };
    findings.add(
      'fact',
      'tried',
      exceptions.length === 0 ? 'holds' : 'exceptions',
      exceptions.length === 0
        ? `${name}: all of the ${tried} behaviours that were tried hold`
        : `${name}: ${tried - exceptions.length} of ${tried} behaviours hold; ${exceptions.join('; ')}`,
    );
  }
}
