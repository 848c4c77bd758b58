// What is written, and whether it is there: content number i is one letter repeated, so that a mixture is seen.
import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const step = 8 << 20;

/** @param {number} size @param {number} number */
export function content(size, number) {
  return Buffer.alloc(size, 97 + (number % 26));
}

/** Throws unless the file holds just that content. @param {string} path @param {number} size @param {number} number */
export function verifyFile(path, size, number) {
  const expected = content(Math.min(step, size), number);
  const found = Buffer.allocUnsafe(expected.length);
  const fd = openSync(path, 'r');
  try {
    if (statSync(path).size !== size) throw new Error(`${path} has ${statSync(path).size} bytes instead of ${size}`);
    for (let position = 0; position < size; position += found.length) {
      const read = readSync(fd, found, 0, found.length, position);
      if (!found.subarray(0, read).equals(expected.subarray(0, Math.min(size - position, expected.length))))
        throw new Error(`${path} has other content`);
    }
  } finally {
    closeSync(fd);
  }
}

/** Throws unless the folder holds these files and nothing else. @param {string} folder @param {string[]} names */
export function verifyNames(folder, names) {
  const found = readdirSync(folder);
  const unexpected = found.filter((name) => !names.includes(name));
  if (found.length !== names.length || unexpected.length > 0)
    throw new Error(
      `${folder} holds ${found.length} files instead of ${names.length}: ${unexpected.slice(0, 3).join(' ')}`,
    );
}

/** An object of about 10 MB when written as JSON. @param {number} bytes */
export function jsonValue(bytes) {
  return {
    entries: Array.from({ length: Math.round(bytes / 100) }, (_, number) => ({
      id: number,
      name: `entry number ${number}`,
      tags: ['alpha', 'beta'],
      ratio: number / 7,
      done: number % 2 === 0,
    })),
  };
}

/** @param {string} folder */
export const target = (folder) => join(folder, 'state');
