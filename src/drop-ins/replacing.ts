/** What the drop-ins share: a write of this package, whose options came in the form of another one. */
import {
  misuse,
  readData,
  readSyncData,
  type Data,
  type PathLike,
  type PathName,
  type SyncData,
  type WriteOptions,
} from '../contract/index.ts';
import { environment, targetPath, type Steps } from '../system/index.ts';
import { newOperation, readOptions, settled, type Operation, type Settings } from '../files/index.ts';
import { writeLater, writeNow } from '../write/index.ts';

/** The options of a write, and what another package has besides. */
export interface Request {
  readonly options: WriteOptions;
  /** Is called with the path of the temporary file, once there is one. */
  readonly created?: ((path: string) => unknown) | undefined;
}

/** Replaces a file as `writeFile()` does. */
export async function replaceLater(path: PathLike, data: Data, { options, created }: Request): Promise<void> {
  const settings = settingsOf(options);
  const content = readData(data, settings.encoding);
  const telling = new Telling(newOperation(targetPath(path), settings, environment, false), created);
  await writeLater(telling.operation, content).catch(telling.fail);
}

/** Replaces a file as `writeFileSync()` does. */
export function replaceNow(path: PathLike, data: SyncData, { options, created }: Request): void {
  const settings = settingsOf(options);
  const content = readSyncData(data, settings.encoding);
  const telling = new Telling(newOperation(targetPath(path), settings, environment, true), created);
  try {
    writeNow(telling.operation, content);
  } catch (error) {
    telling.fail(error);
  }
}

/** An operation that calls a function of the caller with the path of its temporary file. */
class Telling {
  readonly operation: Operation;
  #failure: { readonly error: unknown } | undefined;

  constructor(operation: Operation, created: Request['created']) {
    this.operation =
      created === undefined ? operation : { ...operation, created: (path) => this.#tell(operation, created, path) };
  }

  *#tell(operation: Operation, created: (path: string) => unknown, path: PathName): Steps<void> {
    try {
      const result = created(path.toString());
      if (!operation.blocking) yield* settled(operation, result);
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /** Fails with the error of the caller's function, if it was that. */
  readonly fail = (error: unknown): never => {
    throw this.#failure === undefined ? error : this.#failure.error;
  };
}

/**
 * The settings for options. A process that is not the superuser's may usually not give a file to another user, and the
 * other packages do without then.
 */
function settingsOf(options: WriteOptions): Settings {
  const settings = readOptions(options);
  return environment.uid === 0 ? settings : { ...settings, givenOwner: 'try' };
}

/** The mode of the new file: as given; 0666 less the umask if it is false; that of the old file if there is none. */
export function modeOptions(mode: number | string | false | null | undefined): WriteOptions {
  if (mode === undefined || mode === null) return {};
  if (mode === false) return { preserve: { mode: 'off' } };
  // A mode of fs.Stats has the type of the file too.
  return { mode: typeof mode === 'number' ? mode & 0o7777 : mode };
}

/** The owner of the new file: as given; the process's if it is false; that of the old file if there is none. */
export function ownerOptions(chown: { uid: number; gid: number } | false | null | undefined): WriteOptions {
  if (chown === undefined || chown === null) return {};
  if (chown === false) return { preserve: { owner: 'off' } };
  if (typeof chown.uid !== 'number' || typeof chown.gid !== 'number')
    throw misuse('ERR_INVALID_ARG_TYPE', '"options.chown" must have "uid" and "gid", both of them numbers');
  // chown(2) leaves what is -1.
  const { uid, gid } = chown;
  return environment.uid === undefined ? {} : { owner: { ...(uid !== -1 && { uid }), ...(gid !== -1 && { gid }) } };
}

/** Options together: what is to be kept comes from each. */
export function together(...all: readonly WriteOptions[]): WriteOptions {
  return { ...Object.assign({}, ...all), preserve: Object.assign({}, ...all.map(({ preserve }) => preserve)) };
}
