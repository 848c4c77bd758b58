/** The caller's options, checked once, before anything is touched. */
import {
  describe,
  misuse,
  outOfRange,
  type Fields,
  flag,
  none,
  oneOf,
  readDuration,
  readEncoding,
  readId,
  readNamePart,
  readSignal,
  record,
  wrongType,
  type Durability,
  type Keep,
  type WriteOptions,
  isUrl,
  type PathName,
  isVersion,
  type Version,
} from '../contract/index.ts';
import { absolutePath } from '../system/index.ts';

/** Options that have been read: complete, checked and frozen. */
export interface Settings {
  readonly durability: Durability;
  readonly sync: 'require' | 'try';
  readonly encoding: BufferEncoding;
  readonly signal: AbortSignal | undefined;
  readonly mode: number | undefined;
  /** Permission bits of a file that is new, less the umask, if no mode is given: a copy's. */
  readonly modeOfNew?: number;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Whether it is a failure that a given owner cannot be set. */
  readonly givenOwner: 'require' | 'try';
  readonly preserve: {
    readonly mode: Keep;
    readonly owner: Keep;
    readonly xattr: Keep;
    readonly flags: Keep;
    readonly times: Keep;
  };
  readonly symlink: 'follow' | 'replace' | 'refuse';
  readonly hardLink: 'break' | 'refuse';
  readonly overwrite: boolean;
  readonly ifMatch: Version | undefined;
  readonly lock: { readonly timeout: number; readonly lease: number };
  readonly ifUnchanged: 'write' | 'skip';
  readonly makeParents: boolean;
  readonly backup:
    | undefined
    | { readonly kind: 'simple' }
    | { readonly kind: 'numbered'; readonly limit: number }
    | { readonly kind: 'path'; readonly path: PathName };
  readonly fallback: 'error' | 'in-place';
  readonly prefix: string | undefined;
  readonly suffix: string;
  readonly keepOnError: boolean;
  /** Where temporary files go, if not beside their target. */
  readonly temporaryDirectory: PathName | undefined;
  readonly retryTimeout: number;
  readonly linger: boolean;
  readonly filesystem: 'safe' | 'any';
}

const known = [
  'durability',
  'sync',
  'encoding',
  'signal',
  'mode',
  'owner',
  'preserve',
  'symlink',
  'hardLink',
  'overwrite',
  'ifMatch',
  'lock',
  'ifUnchanged',
  'makeParents',
  'backup',
  'fallback',
  'temporary',
  'retry',
  'flag',
  'flush',
  'linger',
  'filesystem',
];

/** Reads the options. A string is an encoding, as in `node:fs`. */
export function readOptions(given: WriteOptions | BufferEncoding | null | undefined): Settings {
  return readOptionsAnd(given, []).settings;
}

/** Settings by the values given for them: most programs give the same few values again and again. */
const remembered = new Map<string, Settings>();
/** How many are kept. */
const maximumRemembered = 100;

/** Reads the options, and further fields that its caller needs; each once. */
export function readOptionsAnd(
  given: object | string | null | undefined,
  further: readonly string[],
): { readonly settings: Settings; readonly fields: Fields } {
  const options = typeof given === 'string' ? { encoding: given } : given;
  const fields =
    options === undefined || options === null
      ? none
      : record(options, 'options', further.length === 0 ? known : [...known, ...further]);
  return { settings: settingsOf(fields), fields };
}

function settingsOf(fields: Fields): Settings {
  const values = valuesIn(fields);
  const before = values === undefined ? undefined : remembered.get(values);
  if (before !== undefined) return before;
  const settings = readAll(fields);
  if (values !== undefined) {
    if (remembered.size >= maximumRemembered) remembered.clear();
    remembered.set(values, settings);
  }
  return settings;
}

/** The given values as text; undefined if the values alone do not determine the settings. */
function valuesIn(fields: Fields): string | undefined {
  let values = '';
  for (const name in fields) {
    const value = fields[name];
    // An object may change, and the target of a relative path depends on the working directory.
    if (name === 'backup' || !['string', 'boolean', 'number'].includes(typeof value)) return undefined;
    values += `${name} ${typeof value} ${value as string}\n`;
  }
  return values;
}

function readAll(options: Fields): Settings {
  const owner = record(options['owner'], 'options.owner', ['uid', 'gid']);
  const temporary = record(options['temporary'], 'options.temporary', ['prefix', 'suffix', 'keepOnError', 'directory']);
  const retry = record(options['retry'], 'options.retry', ['timeout']);
  const lock = record(options['lock'], 'options.lock', ['timeout', 'lease']);
  const durability = oneOf(options, 'durability', ['full', 'normal', 'off'] as const);
  const fallback = oneOf(options, 'fallback', ['error', 'in-place'] as const);
  return Object.freeze({
    durability,
    sync: oneOf(options, 'sync', ['require', 'try'] as const),
    encoding: readEncoding(options['encoding']),
    signal: readSignal(options['signal']),
    mode: readMode(options['mode']),
    uid: readId(owner['uid'], 'options.owner.uid'),
    gid: readId(owner['gid'], 'options.owner.gid'),
    givenOwner: 'require',
    preserve: readPreserve(options['preserve']),
    symlink: oneOf(options, 'symlink', ['follow', 'replace', 'refuse'] as const),
    hardLink: oneOf(options, 'hardLink', ['break', 'refuse'] as const),
    overwrite: flag(options, 'overwrite', readNodeFlag(options, durability)),
    ifMatch: readVersion(options['ifMatch'], fallback),
    lock: Object.freeze({
      timeout: readDuration(lock['timeout'], 'options.lock.timeout', 30_000),
      lease: readDuration(lock['lease'], 'options.lock.lease', 10_000, 100),
    }),
    ifUnchanged: oneOf(options, 'ifUnchanged', ['write', 'skip'] as const),
    makeParents: flag(options, 'makeParents', false),
    backup: readBackup(options['backup']),
    fallback,
    prefix: readNamePart(temporary['prefix'], 'options.temporary.prefix'),
    suffix: readNamePart(temporary['suffix'], 'options.temporary.suffix') ?? '.tmp',
    keepOnError: flag(temporary, 'keepOnError', false, 'options.temporary.'),
    temporaryDirectory: readDirectory(temporary['directory']),
    retryTimeout: readDuration(retry['timeout'], 'options.retry.timeout', 5000),
    linger: flag(options, 'linger', true),
    filesystem: oneOf(options, 'filesystem', ['safe', 'any'] as const),
  });
}

function readVersion(value: unknown, fallback: Settings['fallback']): Version | undefined {
  if (value === undefined) return undefined;
  if (!isVersion(value))
    throw misuse('ERR_INVALID_ARG_VALUE', `"options.ifMatch" must be a version or 'absent', not ${describe(value)}`);
  if (fallback === 'in-place')
    throw misuse(
      'ERR_INVALID_ARG_VALUE',
      `"options.fallback" must be 'error' with "options.ifMatch": a write in place cannot exclude others`,
    );
  return value;
}

function readMode(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^[0-7]+$/.test(value)) return readMode(Number.parseInt(value, 8));
  if (typeof value !== 'number') throw wrongType('options.mode', 'a number or octal digits', value);
  if (!Number.isInteger(value) || value < 0 || value > 0o7777)
    throw outOfRange(`"options.mode" must be between 0 and 0o7777, not ${value}`);
  return value;
}

function readPreserve(value: unknown): Settings['preserve'] {
  const fields = record(value, 'options.preserve', ['mode', 'owner', 'xattr', 'flags', 'times']);
  const keep = (field: string, values: readonly [Keep, Keep, Keep]): Keep =>
    fields[field] === false ? 'off' : oneOf(fields, field, values, 'options.preserve.');
  return Object.freeze({
    mode: keep('mode', ['try', 'require', 'off']),
    owner: keep('owner', ['try', 'require', 'off']),
    xattr: keep('xattr', ['try', 'require', 'off']),
    flags: keep('flags', ['try', 'require', 'off']),
    times: keep('times', ['off', 'try', 'require']),
  });
}

/** `flag` and `flush` of `node:fs`, as far as they apply here; gives the default of `overwrite`. */
function readNodeFlag(options: Fields, durability: Durability): boolean {
  if (flag(options, 'flush', false) && durability === 'off')
    throw misuse('ERR_INVALID_ARG_VALUE', `"options.flush" contradicts "options.durability": 'off'`);
  switch (options['flag']) {
    case undefined:
    case 'w':
      return true;
    case 'wx':
    case 'xw':
      return false;
    default:
      throw misuse(
        'ERR_INVALID_ARG_VALUE',
        `"options.flag" must be 'w' or 'wx', not ${describe(options['flag'])}: a file is replaced, never appended to`,
      );
  }
}

function readDirectory(value: unknown): PathName | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' && !Buffer.isBuffer(value) && !isUrl(value))
    throw wrongType('options.temporary.directory', 'a path', value);
  return absolutePath(value, 'options.temporary.directory');
}

function readBackup(value: unknown): Settings['backup'] {
  if (value === undefined || value === false) return undefined;
  if (value === 'simple') return { kind: 'simple' };
  if (value === 'numbered') return { kind: 'numbered', limit: Infinity };
  if (typeof value === 'object' && value !== null && !Buffer.isBuffer(value) && !isUrl(value)) {
    const limit = record(value, 'options.backup', ['numbered'])['numbered'];
    if (!Number.isInteger(limit) || (limit as number) < 1)
      throw outOfRange(`"options.backup.numbered" must be a whole number from 1, not ${describe(limit)}`);
    return { kind: 'numbered', limit: limit as number };
  }
  if (typeof value !== 'string' && !Buffer.isBuffer(value) && !isUrl(value)) {
    throw wrongType('options.backup', "false, 'simple', 'numbered', { numbered: 5 } or a path", value);
  }
  return { kind: 'path', path: absolutePath(value, 'options.backup') };
}
