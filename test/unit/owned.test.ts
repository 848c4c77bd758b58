/** The rule of src/files/owned.ts, held against the sources: who acts on what a name says goes through it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const folder = 'src';

/** Calls that follow a name to what may be somebody else's, remove it, or give it another name. */
const names = [
  'open',
  'readdir',
  'lstat',
  'stat',
  'readlink',
  'unlink',
  'rmdir',
  'chmod',
  'rename',
  'link',
  'exchange',
] as const;
const guarded = [...names, 'unlinkIfThere'] as const;

type Calls = Partial<Record<(typeof guarded)[number], number>>;

/**
 * Who makes such a call for another reason than a name's word: how many of each, so that a new one is found, and why.
 */
const exceptions: Readonly<Record<string, { calls: Calls; because: string }>> = {
  'files/owned.ts': { calls: { open: 2, readdir: 1, unlinkIfThere: 1, rmdir: 1, stat: 1 }, because: 'it is the rule' },

  // The path is what the caller gave.
  'files/directory.ts': {
    calls: { stat: 3, readlink: 2 },
    because: "the caller's directory, by its path, is compared with the one that is open; the links are of descriptors",
  },
  'files/target.ts': {
    calls: { open: 3, stat: 1, lstat: 1, readlink: 1 },
    because: "the caller's file, whose links are followed by hand; what is opened is only held",
  },
  'files/inode-flags.ts': {
    calls: { open: 1 },
    because: "the caller's file is only asked for its flags, and no link is followed",
  },
  'files/look.ts': {
    calls: { open: 1, lstat: 3, readdir: 2, stat: 1 },
    because:
      'it only tells whether something is there; what refreshes the cache of a client is not looked at; who opens a file, or the directory of the caller, looks at it by its descriptor',
  },
  'files/parents.ts': {
    calls: { stat: 1 },
    because: 'how old a directory above the target is decides only whether one more is synced',
  },
  'files/snapshot.ts': {
    calls: { open: 1 },
    because:
      "the caller's file is read: who reads it is told what it is by its descriptor; its directory, which is open, is opened again and closed",
  },
  'drop-ins/write-file-atomic.ts': {
    calls: { unlinkIfThere: 1 },
    because: 'the caller asks for the removal of that name, as of the original',
  },
  'verbs/copy-file.ts': {
    calls: { open: 1 },
    because: "the caller's file is read: what it is is told by its descriptor",
  },
  'verbs/remove.ts': {
    calls: { rename: 1, unlink: 2 },
    because: 'the caller names what is to go; with a version it goes by way of the entry of its lock',
  },
  'verbs/rename.ts': {
    calls: { rename: 1, unlink: 2 },
    because: 'the caller names both; the inode is compared right before and, after a failure, behind it',
  },
  'replace/unchanged.ts': {
    calls: { open: 1 },
    because: "the caller's file: what it holds decides only whether that is written again",
  },
  'json/update-json.ts': { calls: { lstat: 1 }, because: 'only whether a name is free, under the lock' },
  'json/layout.ts': { calls: { open: 1 }, because: "the caller's file: nothing is taken from it but indentation" },
  'files/sync-existing.ts': {
    calls: { open: 1 },
    because: "the caller's file: to sync changes nothing, and follows no link",
  },
  'transaction/one-name.ts': {
    calls: { readdir: 1 },
    because: 'only whether the names are listed that the caller gave',
  },
  'order/renames.ts': {
    calls: { rename: 1, link: 1, lstat: 2 },
    because: 'the temporary file of another call of this process; its name and that of the target are compared',
  },
  'directory/swap.ts': { calls: { stat: 1, readlink: 1 }, because: 'the path is what the caller names' },
  'directory/switch.ts': {
    calls: { exchange: 1, rename: 1, stat: 1, readlink: 1, unlink: 1 },
    because:
      'the path is what the caller names; the link, and the version that is published, are in its enclosure or were looked at',
  },

  // The doctor only tells; nothing is decided by what it finds.
  'doctor/access.ts': { calls: { lstat: 1 }, because: 'its attributes are told' },
  'doctor/examine.ts': {
    calls: { open: 3, stat: 1 },
    because: "the caller's directory and file: what is opened is asked for its mount, or for the names in it",
  },
  'doctor/metadata.ts': { calls: { open: 1 }, because: 'the names of its attributes are told' },
  'doctor/way.ts': { calls: { lstat: 2, stat: 1, readlink: 1 }, because: 'the way is told, link by link' },

  // The file was made by this call, under a name with 100 random bits, or is known by an open descriptor.
  'replace/backup.ts': {
    calls: { rename: 1, link: 1, open: 2, unlink: 4, unlinkIfThere: 1 },
    because: 'the target is looked at by its descriptor; what is moved, or goes, are names that it has just made',
  },
  'journal/apply.ts': {
    calls: { rename: 1, link: 1, open: 1, unlink: 1, unlinkIfThere: 1 },
    because:
      'contents are compared and nothing else; what is published, or goes, it has staged itself, and its inode is in the journal',
  },
  'verbs/append.ts': {
    calls: { open: 2, unlink: 2 },
    because: "the caller's file, through no link; what it makes, exclusively, it takes back if it is still that inode",
  },
  'verbs/torn-end.ts': {
    calls: { rename: 1, unlink: 2 },
    because: 'what is renamed, or goes, it has made, exclusively, and both names have 100 random bits',
  },
  'verbs/symlink.ts': {
    calls: { rename: 1, readlink: 1, unlinkIfThere: 1 },
    because: 'a link that it has just made; whoever can exchange it there can exchange the link itself',
  },
  'replace/in-place.ts': {
    calls: { rename: 1, open: 3, lstat: 1, unlink: 2, unlinkIfThere: 1 },
    because:
      'the target must be the inode that was looked at; the copy is new, in a directory of its own, and its name there says how far it is',
  },
  'files/metadata.ts': {
    calls: { chmod: 1 },
    because: 'its own temporary file, where the permission model forbids descriptors',
  },
  'transaction/preflight.ts': {
    calls: { link: 1, open: 2, unlink: 4, rename: 1 },
    because:
      'a further name of the target, and two files, which it makes and removes; the target is opened and closed, and nothing else',
  },
  'files/enclosure.ts': {
    calls: { rename: 2 },
    because: 'what is moved in is looked at there, and moved back if it is another',
  },
  'directory/new-directory.ts': {
    calls: { rename: 3, open: 2, rmdir: 1, chmod: 1 },
    because: 'they are in an enclosure, which nobody else can write; what came out of it is compared by its inode',
  },
  'transaction/plan.ts': { calls: { lstat: 1 }, because: 'it writes down which inode it has just staged' },
  'files/exchanged.ts': { calls: { open: 1 }, because: 'its own temporary file, by its descriptor, is held once more' },
  'journal/record.ts': {
    calls: { rename: 3, open: 1, rmdir: 1, unlink: 2 },
    because:
      'names that it makes, exclusively, and takes back; the record is open, was looked at, and nobody else can write it',
  },
  'journal/written.ts': {
    calls: { rmdir: 1, stat: 1 },
    because: 'the record that it has made; the directories are open',
  },
  'replace/together.ts': {
    calls: { open: 1 },
    because: 'an open directory once more, by its descriptor, to be synced',
  },
  'replace/rename.ts': {
    calls: { rename: 1, link: 1, unlink: 1, unlinkIfThere: 1 },
    because: 'its own temporary file, which is compared with the target after it was renamed or linked',
  },
  'files/made.ts': {
    calls: { open: 1, chmod: 1 },
    because: "what is this very user's, held by a descriptor, gets more rights for its owner and no others",
  },
  'files/tolerate.ts': { calls: { unlink: 1 }, because: 'it does what its callers ask for, which are counted' },
  'doctor/measure.ts': { calls: { unlinkIfThere: 1 }, because: 'it goes, under the name that it was made with' },
  'files/temporary.ts': {
    calls: { rename: 2, open: 2, unlinkIfThere: 2 },
    because: 'it makes the new name, exclusively, or a file without a name, and moves or removes that',
  },

  // Locks: what other users put there costs waiting time, and decides nothing else.
  'lock/at-once.ts': {
    calls: { rename: 1, rmdir: 3 },
    because: 'where only this user writes: a ticket that it has just made, and empty directories of its own lock',
  },
  'lock/holder.ts': { calls: { lstat: 1 }, because: 'only how long is waited depends on it' },
  'lock/held.ts': {
    calls: { unlink: 1 },
    because: 'its own note, where nobody else can put something in the place of its entry',
  },
  'lock/rights.ts': {
    calls: { chmod: 1 },
    because: 'it was compared by its descriptor, where the permission model forbids to use that',
  },
  'lock/probe.ts': { calls: { rename: 1 }, because: 'two tickets that it has just made, and looks at afterwards' },
  'lock/takeover.ts': {
    calls: { rename: 3 },
    because:
      'an entry in a directory that is open: who has died has lost it, whoever made it, and only its name changes',
  },
  'lock/ticket.ts': {
    calls: { rename: 1, open: 1 },
    because:
      'a new note, exclusively, in an entry that it has just made; who renames its ticket looks at what is held then',
  },

  // The text of a link decides only about that link.
  'sweep/kept-version.ts': { calls: { readlink: 1 }, because: "the text of one's own link is the proof" },
  'sweep/swept-folder.ts': { calls: { readlink: 1 }, because: 'only that a version is not told of depends on it' },
  'files/tree.ts': {
    calls: { open: 2, readdir: 1, lstat: 1 },
    because: 'to sync changes nothing, and follows no link',
  },
};

/** The calls in a source, in whatever form: also one that is only passed on, or a link of a chain. */
function callsIn(name: string): Calls {
  const calls: Calls = {};
  const source = readFileSync(join(folder, name), 'utf8');
  const pattern = /\bcall\s*\.\s*(\w+)|\['(\w+)',|(?<!function\* )\b(unlinkIfThere)\(/g;
  for (const [, ...names] of source.matchAll(pattern)) {
    const found = guarded.find((candidate) => names.includes(candidate));
    if (found !== undefined) calls[found] = (calls[found] ?? 0) + 1;
  }
  return calls;
}

describe('What acts on names', () => {
  // The command is its caller's, and the system makes the calls.
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !/^(?:cli|system)\//.test(name));

  for (const name of sources) {
    it(`${name} makes no call around the rule`, () => {
      const { calls, because } = exceptions[name] ?? { calls: {}, because: 'none' };
      const message = `What is new must go through owned.ts, or have a true reason; that of the others: ${because}`;
      assert.deepEqual(callsIn(name), calls, message);
    });
  }

  it('has no exception for a source that is not there', () => {
    assert.deepEqual(
      Object.keys(exceptions).filter((name) => !sources.includes(name)),
      [],
    );
  });

  it('makes its calls by their names only', () => {
    const hidden = /\bcall\s*\[|=\s*call\b|\.\.\.call\b|from '(?:node:)?fs/;
    assert.deepEqual(
      sources.filter((name) => hidden.test(readFileSync(join(folder, name), 'utf8'))),
      [],
    );
  });
});
