/** Which durability is real here, by what is known of the filesystem and its mount. */
import type { FileStatus, Mount } from '../system/index.ts';
import type { Filesystem, Operation } from '../files/index.ts';
import type { Findings } from './findings.ts';
import type { Inspection } from './inspection.ts';

/** Filesystems that are only in memory. */
const inMemory = new Set(['tmpfs', 'ramfs', 'devtmpfs', 'hugetlbfs']);
/** Options with which a sync does not reach the disk. */
const barriersOff = new Set(['nobarrier', 'barrier=0', 'barrier=none']);

export function examineDurability(
  { environment }: Operation,
  { dev }: FileStatus,
  filesystem: Filesystem,
  mount: Mount | undefined,
  mayList: boolean,
  findings: Findings,
): Inspection['durable'] {
  const add = (level: 'limit' | 'fact', code: string, text: string): void =>
    findings.add(level, 'durability', code, text);
  if (environment.platform === 'win32') {
    add('fact', 'unknown', 'the file is synced; whether the directory is, only an attempt tells (measure)');
    return 'unknown';
  }
  if (filesystem.unless === 'volatile' && environment.isVolatile(dev)) {
    add('limit', 'volatile', 'the overlay is mounted with "volatile": no sync does anything');
    return 'unsupported';
  }
  if (!filesystem.syncsDirectories) {
    add(
      'limit',
      'not-durable',
      'the content is synced, but no sync of a directory is known to reach the disk here: after a power cut the old content may be back',
    );
    return 'unsupported';
  }
  if (!mayList) {
    add(
      'limit',
      'not-durable',
      'this process may not list the directory, so it cannot sync it: after a power cut the old content may be back',
    );
    return 'unsupported';
  }
  const off = mount?.options.find((option) => barriersOff.has(option));
  if (inMemory.has(mount?.type ?? ''))
    add('limit', 'in-memory', 'the filesystem is in memory only: everything is gone with the power');
  else if (off !== undefined)
    add('limit', 'no-barrier', `it is mounted with "${off}": a sync does not empty the cache of the disk`);
  else if (filesystem.own)
    add('fact', 'durable', 'a write is on the disk once it has returned, if the disk does what it is told');
  else add('fact', 'durable', 'a write is synced once it has returned, as well as the server does that');
  if (filesystem.unless === 'no journal' && !environment.hasJournal(dev))
    add('fact', 'no-journal', 'it is not known to have a journal; after a power cut fsck(8) repairs it');
  return true;
}
