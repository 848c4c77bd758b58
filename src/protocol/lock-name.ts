/** The name of the directory that stands for the lock of a file: the same for every process that knows the file's name. */
import { asText, cutName, surround, type PathName } from '../path.ts';

/** What its name ends with. */
export const lockSuffix = '.untorn-lock';
/** As short as temporary names are, for filesystems with little room. */
const nameBytes = 143;
const room = nameBytes - 1 - lockSuffix.length;

export function lockNameOf(name: PathName): PathName {
  if (Buffer.byteLength(name) <= room) return surround('.', name, lockSuffix);
  // Filesystems that take such names for equal must find one lock for them, and other ones may.
  const text = folded(name);
  return surround('.', cutName(text, room - 14), `.${digest(text)}${lockSuffix}`);
}

/** The same for names that differ in case or form only. */
export function folded(name: PathName): string {
  return asText(name).normalize('NFC').toLowerCase();
}

/** FNV-1a, 64 bits in base 36: two names with one digest share a lock, and nothing worse. */
function digest(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(36).padStart(13, '0');
}
