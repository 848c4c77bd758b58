/** The rule of src/protocol/owned.ts, held against the sources: who acts on what a name says goes through it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const folder = join('src', 'protocol');

/** Calls that follow a name to what may be somebody else's, or remove it. */
const guarded = new Set(['open', 'readdir', 'unlink', 'rmdir', 'lstat', 'stat', 'chmod', 'readlink']);

/** Who makes such a call for another reason than a name's word: each file, its calls, and why. */
const exceptions: Readonly<Record<string, { calls: readonly string[]; because: string }>> = {
  'owned.ts': { calls: ['open', 'readdir', 'rmdir', 'stat'], because: 'it is the rule' },
  'backup.ts': { calls: ['open', 'unlink'], because: 'the target is looked at by its descriptor; what goes are names that it has just made' },
  'kept-version.ts': { calls: ['readlink'], because: "the text of one's own link is the proof" },
  'new-directory.ts': { calls: ['open', 'rmdir', 'chmod'], because: 'they are in an enclosure, which nobody else can write' },
  'replace-directory.ts': { calls: ['stat', 'readlink', 'unlink'], because: 'the path is what the caller names; the link is its own' },
  'sweep.ts': { calls: ['readlink'], because: 'only that very link can go by it' },
  'swept-folder.ts': { calls: ['readlink'], because: 'only that a version is not told of depends on it' },
  'tree.ts': { calls: ['open', 'readdir', 'lstat'], because: 'to sync changes nothing, and follows no link' },
};

const callsIn = (name: string): string[] => {
  const found = readFileSync(join(folder, name), 'utf8').matchAll(/\bcall\.(\w+)\(/g);
  return [...new Set([...found].map((match) => match[1] as string))].filter((one) => guarded.has(one));
};

describe('What acts on names', { skip: 'set to run as the last of the modules has moved over' }, () => {
  for (const name of readdirSync(folder)) {
    it(`${name} makes no call around the rule`, () => {
      const allowed = exceptions[name]?.calls ?? [];
      assert.deepEqual(callsIn(name).filter((one) => !allowed.includes(one)), []);
    });
  }
});
