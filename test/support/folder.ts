/** A directory of its own for each test. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { afterwards } from './afterwards.ts';

/** Makes an empty directory that goes with the test; others may enter it. */
export function newFolder(t: TestContext, parent: string = tmpdir()): string {
  const folder = mkdtempSync(join(parent, 'untorn-test-'));
  chmodSync(folder, 0o755);
  afterwards(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
