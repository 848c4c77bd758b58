/**
 * Names that are not files on Windows: a write would reach a device, or a stream of another file (the temporary file of
 * `a:b` would be a stream of a file `.a` that nobody asked for). See "Naming Files, Paths, and Namespaces" in
 * Microsoft's documentation.
 */
import { refusal } from './errors.ts';
import { asText, display, split, type PathName } from './path-name.ts';

/** With any extension, and blanks before it; ¹, ² and ³ count as digits. */
const device = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[1-9\u00b9\u00b2\u00b3]) *(\.|$)/i;

/** For Windows: fails if a path does not lead to a file. Under `\\?\` names are taken literally, except for streams. */
export function refuseReserved(path: PathName): void {
  const name = asText(split(path).name);
  if (name.includes(':')) throw refusal('EINVAL', `"${display(path)}" names a stream of a file`);
  if (device.test(name) && !asText(path).startsWith('\\\\?\\'))
    throw refusal('EINVAL', `"${display(path)}" names a device`);
}
