/** An `mv` that exchanges: the installed one where it is new enough, or a small one that makes the same call. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { newFolder } from './folder.ts';

const source = `
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
  if (argc != 7 || strcmp(argv[1], "--exchange") || strcmp(argv[2], "--no-target-directory") || strcmp(argv[3], "--no-copy") || strcmp(argv[4], "--")) return 2;
  if (renameat2(AT_FDCWD, argv[5], AT_FDCWD, argv[6], RENAME_EXCHANGE) == 0) return 0;
  fprintf(stderr, "mv: cannot exchange '%s' and '%s': %s\\n", argv[5], argv[6], strerror(errno));
  return 1;
}`;

/**
 * Puts such an `mv` into a folder where the installed one is none; returns what PATH is to be then, or why that cannot
 * be.
 */
export function pathToExchange(folder: string): { readonly path: string | undefined } | { readonly reason: string } {
  const searched = process.env['PATH'];
  const known = spawnSync('mv', ['--help'], { encoding: 'utf8' });
  if (known.status === 0 && known.stdout.includes('--exchange')) return { path: searched };
  writeFileSync(join(folder, 'mv.c'), source);
  const built = spawnSync('cc', ['-o', join(folder, 'mv'), join(folder, 'mv.c')], { encoding: 'utf8' });
  if (built.status !== 0)
    return { reason: `needs mv of coreutils 9.5, or a C compiler: ${built.error?.message ?? built.stderr}` };
  return { path: `${folder}${delimiter}${searched}` };
}

/** Runs steps with such an `mv` on PATH, or skips the test. */
export async function withExchange(t: TestContext, steps: () => Promise<void>): Promise<void> {
  const found = pathToExchange(newFolder(t));
  if ('reason' in found) return t.skip(found.reason);
  const searched = process.env['PATH'];
  process.env['PATH'] = found.path;
  try {
    return await steps();
  } finally {
    process.env['PATH'] = searched;
  }
}
