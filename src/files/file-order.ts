/** Open directories, names in them, and the order in which several files are taken. */
import { key, type PathName } from '../contract/index.ts';
import type { Directory } from './directory.ts';

/** An open directory, and its path for messages. */
export interface OpenFolder {
  readonly directory: Directory;
  readonly directoryPath: PathName;
}

/** A name in an open directory. */
interface FileName {
  readonly directory: Directory;
  readonly name: PathName;
}

/** Compares files in an order that is the same for every path that leads to them. */
export function inOrder(one: FileName, other: FileName): number {
  const [a, b] = [one.directory.status, other.directory.status];
  if (a.dev !== b.dev) return a.dev < b.dev ? -1 : 1;
  if (a.ino !== b.ino) return a.ino < b.ino ? -1 : 1;
  const [name, otherName] = [key(one.name), key(other.name)];
  return name < otherName ? -1 : name > otherName ? 1 : 0;
}

/** A key that is the same for every path that leads to a file. */
export function fileKey({ directory, name }: FileName): string {
  return `${directory.key} ${key(name)}`;
}
