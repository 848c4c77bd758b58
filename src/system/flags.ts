/** Flags of open(2), as numbers of this platform. */
import { constants } from 'node:fs';

const windows = process.platform === 'win32';

/** What access(2) asks for: whether a directory may be listed, and whether names in it may be changed. */
export const MAY_READ: number = constants.R_OK;
export const MAY_CHANGE: number = windows ? constants.W_OK : constants.W_OK | constants.X_OK;

export const O_RDONLY: number = constants.O_RDONLY;
export const O_RDWR: number = constants.O_RDWR;
/** A file that is to be synced: Windows flushes only writable files. */
export const O_TO_SYNC: number = windows ? constants.O_RDWR : constants.O_RDONLY;
/** A directory, for syncing it. */
export const O_DIRECTORY: number = windows ? 0 : constants.O_RDONLY | constants.O_DIRECTORY;
/** A directory itself, never through a link. */
export const O_DIRECTORY_ITSELF: number = windows ? 0 : O_DIRECTORY | constants.O_NOFOLLOW;
/** A directory that may be passed through but not read; 0 if there is no such flag. Node does not name O_PATH. */
export const O_PATH_DIRECTORY: number = process.platform === 'linux' ? 0o10000000 | constants.O_DIRECTORY : 0;
/** A file, to keep it from being freed; 0 if there is no such flag. */
export const O_HOLD: number = process.platform === 'linux' ? 0o10000000 | constants.O_NOFOLLOW : 0;
/** An open file once more, not to be read or written if that is possible. */
export const O_PATH_FILE: number = process.platform === 'linux' ? 0o10000000 : constants.O_RDONLY;
/** A new file: never an existing one, never through a link. */
export const O_NEW: number =
  constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (windows ? 0 : constants.O_NOFOLLOW);
/** A new file without a name in an open directory; 0 if there is no such flag. Node does not name O_TMPFILE. */
export const O_NAMELESS: number =
  process.platform === 'linux' ? constants.O_RDWR | 0o20000000 | constants.O_DIRECTORY : 0;
/** Every write reaches the disk before it returns, where a descriptor cannot be synced; 0 if there is no such flag. */
export const O_DSYNC: number = constants.O_DSYNC ?? 0;
/** The file itself, never through a link, never waiting for a FIFO's other end. */
export const O_NOFOLLOW: number = windows ? 0 : constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A file for reading, or the target of a link; never waiting for a FIFO's other end. */
export const O_READ: number = windows ? constants.O_RDONLY : constants.O_RDONLY | constants.O_NONBLOCK;

/** A file to append to, and to read its end; the file itself, never through a link. */
export const O_APPENDING: number = constants.O_RDWR | constants.O_APPEND | O_NOFOLLOW;
/** A new file to append to. */
export const O_NEW_APPENDING: number = O_NEW | constants.O_APPEND;
