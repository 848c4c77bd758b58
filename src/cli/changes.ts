/** The changes that `untorn commit` makes, as its operands and options or its manifest give them. */
import { isUtf8 } from 'node:buffer';
import { describe, type PathName } from '../contract/index.ts';
import { pathFrom } from './arguments/arguments.ts';
import { UsageError } from './failures.ts';
import { checkMode, checkVersion } from './write-options.ts';

/** One change of one file. */
export type Change = Write | Remove | Rename;

export interface Write {
  readonly kind: 'write';
  readonly path: PathName;
  readonly source: Source;
  readonly mode?: string;
  readonly overwrite?: boolean;
  /** The version that the file must have. */
  readonly ifMatch?: string;
}

export interface Remove {
  readonly kind: 'remove';
  readonly path: PathName;
}

export interface Rename {
  readonly kind: 'rename';
  readonly path: PathName;
  readonly to: PathName;
  readonly overwrite?: boolean;
}

/** The origin of content: a file, standard input, or the given text. */
export type Source = { readonly file: PathName } | 'standard input' | { readonly content: string };

/** Reads TARGET=SOURCE. The first "=" counts. */
export function readOperand(operand: string): Write {
  // As bytes, if it is not UTF-8: both halves are file names.
  const whole = pathFrom(operand);
  const at = whole.indexOf('=');
  if (at === -1) throw new UsageError(`"${operand}" must be TARGET=SOURCE`);
  const [path, source] = [nameIn(whole, 0, at), nameIn(whole, at + 1)];
  if (path.length === 0 || source.length === 0)
    throw new UsageError(`The ${path.length === 0 ? 'TARGET' : 'SOURCE'} of "${operand}" is empty`);
  return { kind: 'write', path, source: sourceNamed(source) };
}

function nameIn(whole: PathName, start: number, end?: number): PathName {
  return typeof whole === 'string' ? whole.slice(start, end) : whole.subarray(start, end);
}

function sourceNamed(name: PathName): Source {
  return name === '-' || (typeof name !== 'string' && name.toString() === '-') ? 'standard input' : { file: name };
}

/** Reads a manifest. It is a JSON array, so that a truncated manifest is not taken for a shorter one. */
export function readManifest(bytes: Uint8Array): readonly Change[] {
  if (!isUtf8(bytes))
    throw new UsageError('The manifest is not UTF-8; write a name that is not UTF-8 as {"base64": "…"}');
  const entries = parsed(Buffer.from(bytes).toString());
  if (!Array.isArray(entries))
    throw new UsageError(`The manifest must be a JSON array of changes, not ${describe(entries)}`);
  return entries.map((entry: unknown, index) => readEntry(entry, `Change ${index + 1} of the manifest`));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new UsageError(`The manifest is not complete JSON: ${(error as Error).message}`, { cause: error });
  }
}

const fields = {
  write: ['write', 'from', 'content', 'mode', 'overwrite', 'ifMatch'],
  remove: ['remove'],
  rename: ['rename', 'to', 'overwrite'],
} as const;

type Entry = Readonly<Record<string, unknown>>;

function readEntry(entry: unknown, where: string): Change {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
    throw new UsageError(`${where} must be an object`);
  const given = entry as Entry;
  const kinds = (['write', 'remove', 'rename'] as const).filter((name) => name in given);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1)
    throw new UsageError(`${where} must have one of "write", "remove" and "rename"`);
  // A misspelt field must not be ignored.
  const unknown = Object.keys(given).find((name) => !(fields[kind] as readonly string[]).includes(name));
  if (unknown !== undefined) throw new UsageError(`${where}: "${unknown}" does not go with "${kind}"`);
  const path = pathIn(given, kind, where);
  if (kind === 'remove') return { kind, path };
  const overwrite = optional(given, 'overwrite', 'boolean', where);
  const further = overwrite === undefined ? {} : { overwrite };
  if (kind === 'rename') return { kind, path, to: pathIn(given, 'to', where), ...further };
  const mode = optional(given, 'mode', 'string', where);
  if (mode !== undefined) checkMode(mode, `${where}: "mode"`);
  const ifMatch = optional(given, 'ifMatch', 'string', where);
  if (ifMatch !== undefined) checkVersion(ifMatch, `${where}: "ifMatch"`);
  return {
    kind,
    path,
    source: sourceIn(given, where),
    ...further,
    ...(mode !== undefined && { mode }),
    ...(ifMatch !== undefined && { ifMatch }),
  };
}

function sourceIn(entry: Entry, where: string): Source {
  if ('from' in entry === 'content' in entry) throw new UsageError(`${where} must have either "from" or "content"`);
  const content = optional(entry, 'content', 'string', where);
  return content === undefined ? sourceNamed(pathIn(entry, 'from', where)) : { content };
}

/** A path: text, or its bytes in base64. */
function pathIn(entry: Entry, field: string, where: string): PathName {
  const value = entry[field];
  const encoded = typeof value === 'object' && value !== null ? (value as Entry)['base64'] : undefined;
  const path = typeof encoded === 'string' ? Buffer.from(encoded, 'base64') : value;
  const whole = typeof path === 'string' || (Buffer.isBuffer(path) && path.toString('base64') === encoded);
  if (!whole || path.length === 0 || path.includes('\0')) throw new UsageError(`${where}: "${field}" must be a path`);
  return path;
}

function optional<T extends 'string' | 'boolean'>(
  entry: Entry,
  field: string,
  type: T,
  where: string,
): (T extends 'string' ? string : boolean) | undefined {
  const value = entry[field];
  if (value === undefined) return undefined;
  if (typeof value !== type) throw new UsageError(`${where}: "${field}" must be a ${type}, not ${describe(value)}`);
  return value as T extends 'string' ? string : boolean;
}
