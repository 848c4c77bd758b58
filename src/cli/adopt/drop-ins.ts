/** The packages that have a drop-in. */

/** A drop-in. */
export interface DropIn {
  /** What the original does to files. */
  readonly fault: string;
  /** The package that takes its place, with a range of versions. */
  readonly replacement: string;
  /** Whether it has the interface of this version of the original. */
  readonly fits: (version: string) => boolean;
}

const truncates =
  'on a full disk it reports success and leaves a truncated file; it does not sync the directory; it loses ACLs';

const dropIns: Readonly<Record<string, DropIn>> = {
  'write-file-atomic': { fault: truncates, replacement: '@untorn/write-file-atomic@^8.0.0', fits: from(2) },
  atomically: { fault: truncates, replacement: '@untorn/atomically@^2.1.1', fits: from(1) },
  steno: {
    fault: 'it syncs nothing, so that a power cut may leave an empty file; it makes a private file readable to others',
    replacement: '@untorn/steno@^4.0.2',
    fits: from(1),
  },
  'fs-write-stream-atomic': {
    fault: 'it syncs nothing; a source that fails replaces the file with half of the content',
    replacement: '@untorn/fs-write-stream-atomic@^1.0.10',
    fits: from(1),
  },
};

function from(major: number): (version: string) => boolean {
  return (version) => Number.parseInt(version, 10) >= major;
}

/** The drop-in for a package of this name. */
export function dropInFor(name: string): DropIn | undefined {
  return Object.hasOwn(dropIns, name) ? dropIns[name] : undefined;
}
