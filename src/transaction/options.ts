/** The options and results of a transaction, and how its options are read. */
import {
  misuse,
  record,
  wrongType,
  type Fields,
  type Durability,
  type LockOptions,
  type WriteOptions,
  type PathLike,
  type PathName,
  type NotKept,
} from '../contract/index.ts';
import { givenPath, type GivenPath } from '../system/index.ts';
import { readOptions, type Settings } from '../files/index.ts';
import type { WriteJsonOptions } from '../json/index.ts';

/** Options of a transaction. */
export interface TransactionOptions {
  /**
   * - `'full'`: all or nothing across crashes and power cuts; once the call has returned, all.
   * - `'normal'`: the same here, since all or nothing needs the same syncs.
   * - `'off'`: all or nothing if the process is killed; undefined after a power cut.
   * @default 'full'
   */
  durability?: Durability | undefined;
  /** Aborts the transaction; no effect once it is committed. @default none */
  signal?: AbortSignal | undefined;
  /** How long to retry a rename while another process has a file open on Windows. Milliseconds. @default 5000 */
  retry?: { timeout?: number | undefined } | undefined;
  /** See `linger` of {@link WriteOptions}. @default true */
  linger?: boolean | undefined;
  /** See `filesystem` of {@link WriteOptions}. @default 'safe' */
  filesystem?: 'safe' | 'any' | undefined;
  /** Files to lock before the callback runs, and how long to wait for locks. @default no files, and 30 seconds */
  lock?: TransactionLockOptions | undefined;
}

/** How to lock the files of a transaction. */
export interface TransactionLockOptions extends LockOptions {
  /**
   * Files to lock before the callback runs (symbolic links followed), so that nobody who uses locks changes them until
   * the end; others are locked at the commit. `timeout` applies to each of the two. @default none
   */
  files?: readonly PathLike[] | undefined;
}

/** Options for one file of a transaction: those of `writeFile()` except the transaction's. */
export type TransactionWriteOptions = Omit<
  WriteOptions,
  | 'durability'
  | 'signal'
  | 'retry'
  | 'lock'
  | 'fallback'
  | 'temporary'
  | 'ifUnchanged'
  | 'flush'
  | 'linger'
  | 'filesystem'
>;

/** The same, and how a value becomes JSON. */
export type TransactionJsonOptions = Omit<TransactionWriteOptions, 'encoding'> &
  Pick<WriteJsonOptions, 'format' | 'indent' | 'replacer' | 'schema'>;

/** Options of a removal. */
export interface TransactionRemoveOptions {
  /** Accept that the file does not exist. @default false */
  force?: boolean | undefined;
  /** Keep the removed file, as {@link WriteOptions.backup}. @default false */
  backup?: WriteOptions['backup'];
}

/** Options of a rename. */
export interface TransactionRenameOptions {
  /** Replace an existing file of the new name; `false` fails with EEXIST. @default true */
  overwrite?: boolean | undefined;
}

/** The result for one file. */
export interface TransactionFile {
  readonly operation: 'write' | 'remove' | 'rename';
  /** The file; after a rename its new name. */
  readonly path: PathName;
  /** After a rename the old name. */
  readonly from?: PathName;
  /** Size of new content in bytes. */
  readonly bytes?: number;
  /** Whether there was a file at `path` before. */
  readonly replaced: boolean;
  /** Whether somebody without a lock wrote newer content since the commit; that stays. */
  readonly superseded: boolean;
  /** Where the replaced or removed content was kept, if asked for and there was any. */
  readonly backupPath: PathName | undefined;
  /** What could not be kept of the replaced file. */
  readonly notKept: readonly NotKept[];
}

/** The result of a transaction. */
export interface TransactionResult {
  /** One record for each file, in no particular order. */
  readonly files: readonly TransactionFile[];
  /** Whether all of it survives a power cut: confirmed, not asked for, or impossible on this filesystem. */
  readonly durable: boolean | 'unsupported';
}

/** Options that belong to the transaction. */
const notForOneFile = [
  'durability',
  'signal',
  'retry',
  'lock',
  'fallback',
  'temporary',
  'ifUnchanged',
  'flush',
  'linger',
  'filesystem',
] as const;

export interface TransactionSettings {
  readonly settings: Settings;
  readonly files: readonly GivenPath[];
}

/** Reads the options of a transaction. */
export function readTransactionOptions(given: TransactionOptions | undefined): TransactionSettings {
  const { lock, ...common } = record(given, 'options', [
    'durability',
    'signal',
    'retry',
    'lock',
    'linger',
    'filesystem',
  ]);
  const { files = [], ...terms } = record(lock, 'options.lock', ['files', 'timeout', 'lease']);
  if (!Array.isArray(files)) throw wrongType('options.lock.files', 'an array', files);
  return {
    settings: readOptions({ ...common, lock: terms }),
    files: Array.from(files as PathLike[], (file) => givenPath(file, 'options.lock.files')),
  };
}

const ofOneFile = [
  'sync',
  'encoding',
  'mode',
  'owner',
  'preserve',
  'symlink',
  'hardLink',
  'overwrite',
  'ifMatch',
  'makeParents',
  'backup',
  'flag',
] as const satisfies readonly (keyof TransactionWriteOptions)[];

/**
 * The settings of one file, and those of its transaction; further fields are passed to the caller. Each is read once.
 */
export function readOptionsOfFile(
  given: object | string | null | undefined,
  further: readonly string[],
  { durability, signal, retryTimeout, lock, linger, filesystem }: Settings,
): { readonly settings: Settings; readonly fields: Fields } {
  const fields = record(typeof given === 'string' ? { encoding: given } : given, 'options', [
    ...ofOneFile,
    ...notForOneFile,
    ...further,
  ]);
  const field = notForOneFile.find((name) => fields[name] !== undefined);
  if (field !== undefined)
    throw misuse('ERR_INVALID_ARG_VALUE', `"options.${field}" is not an option of one file in a transaction`);
  const own = readOptions(Object.fromEntries(ofOneFile.map((name) => [name, fields[name]])));
  return { settings: { ...own, durability, signal, retryTimeout, lock, linger, filesystem }, fields };
}
