/** A new folder for each test, gone after it. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';

export interface Scratch {
  /** The folder of the test that runs. */
  readonly folder: string;
  /** A path in it. */
  at(name: string): string;
  /** What a file in it holds, as text. */
  text(name: string): string;
  /** The names in it, sorted. */
  names(): string[];
}

/** To be called in a suite: each of its tests gets a folder of its own. */
export function scratch(): Scratch {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'untorn-test-'));
  });
  afterEach(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    get folder() {
      return folder;
    },
    at: (name) => join(folder, name),
    text: (name) => readFileSync(join(folder, name), 'utf8'),
    names: () => readdirSync(folder).toSorted(),
  };
}

/** Whether the tests run as the superuser, whom permissions do not stop. */
export const superuser: boolean = process.geteuid?.() === 0;
