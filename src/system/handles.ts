/** A driver whose calls open new files as FileHandles, for callers that do more than write. */
import { promises, type PathLike } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { O_NEW } from './flags.ts';
import { later, type AsyncSystem } from './node-calls.ts';
import type { Done } from './port.ts';
import { systems } from './systems.ts';

export type { FileHandle };

const handles = new Map<number, FileHandle>();

async function open(path: PathLike, flags: number, mode: number): Promise<number> {
  const handle = await promises.open(path, flags, mode);
  handles.set(handle.fd, handle);
  return handle.fd;
}

async function close(fd: number, handle: FileHandle): Promise<void> {
  handles.delete(fd);
  await handle.close();
}

let made: AsyncSystem | undefined;

/** It makes the calls of a chain one by one, since only Node opens FileHandles. */
export function handleSystem(): AsyncSystem {
  return (made ??= withHandles(systems().async));
}

function withHandles(others: AsyncSystem): AsyncSystem {
  return {
    ...others,
    chain: undefined,
    open: (path, flags, mode, done) =>
      (flags & O_NEW) === O_NEW ? later(open(path, flags, mode), done) : others.open(path, flags, mode, done),
    close(fd, done) {
      const handle = handles.get(fd);
      if (handle === undefined) others.close(fd, done);
      else later(close(fd, handle), done as Done<void>);
    },
  };
}

/** The handle of a file that was opened with {@link handleSystem}. */
export function handleOf(fd: number): FileHandle {
  return handles.get(fd) as FileHandle;
}
