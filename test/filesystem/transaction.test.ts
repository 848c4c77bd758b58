/** Transactions on filesystems that are otherwise than most, for real. */
import assert from 'node:assert/strict';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { recover, transaction, transactionSync } from 'untorn';
import { run as runProgram } from '../support/child.ts';
import { isRoot, needsTools } from '../support/needs.ts';
import { run } from '../support/run.ts';
import { replacing } from '../support/replacing.ts';

const skip = process.platform === 'linux' && isRoot ? false : 'needs Linux and root';

/** What is to be undone after a test, the last first. */
class Undoing {
  readonly #t: TestContext;
  readonly #steps: (() => unknown)[] = [];

  constructor(t: TestContext) {
    this.#t = t;
    t.after(() => {
      for (const step of this.#steps.toReversed()) step();
    });
  }

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  newFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'untorn-mount-'));
    this.add(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  /** Tries to mount; skips the test where that cannot be done. */
  mounted(folder: string, ...command: string[]): boolean {
    try {
      run(...command);
    } catch (error) {
      this.#t.skip(`cannot mount: ${String(error).slice(0, 200)}`);
      return false;
    }
    // What this process has just closed may take a moment.
    this.add(() => run('umount', '--lazy', folder));
    return true;
  }
}

/** An overlay without an index: to link a file, or to open it for writing, gives it another inode. */
function overlay(t: TestContext): string | undefined {
  const undoing = new Undoing(t);
  const folder = undoing.newFolder();
  if (!undoing.mounted(folder, 'mount', '-t', 'tmpfs', 'untorn', folder)) return undefined;
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const one of [lower, upper, work, merged]) mkdirSync(one);
  for (const name of ['f', 'g', 'h']) {
    writeFileSync(join(lower, name), `old ${name}`);
    linkSync(join(lower, name), join(lower, `${name}.link`));
  }
  return undoing.mounted(
    merged,
    'mount',
    '-t',
    'overlay',
    'untorn',
    '-o',
    `lowerdir=${lower},upperdir=${upper},workdir=${work},index=off`,
    merged,
  )
    ? merged
    : undefined;
}

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .toSorted()
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  );
}

const links = { 'f.link': 'old f', 'g.link': 'old g', 'h.link': 'old h' };

describe('a transaction on overlayfs, of files of the lower layer with two links', { skip }, () => {
  const changes: Record<
    string,
    { changes: (at: (name: string) => string) => Parameters<typeof transactionSync>[0]; after: Record<string, string> }
  > = {
    'renames one over another': {
      changes: (at) => (tx) => tx.rename(at('f'), at('g')),
      after: { g: 'old f', h: 'old h' },
    },
    'writes and keeps a backup': {
      changes: (at) => (tx) => tx.writeFile(at('h'), 'new', { backup: 'simple' }),
      after: { f: 'old f', g: 'old g', h: 'new', 'h~': 'old h' },
    },
    'reads, removes and writes': {
      changes: (at) => (tx) => {
        tx.writeFile(at('f'), `${tx.readFile(at('f'), 'utf8')}, new`);
        tx.remove(at('g'));
      },
      after: { f: 'old f, new', h: 'old h' },
    },
  };

  for (const [name, { changes: change, after }] of Object.entries(changes)) {
    it(`${name} (G9)`, (t) => {
      const folder = overlay(t);
      if (folder === undefined) return;
      const { files } = transactionSync(change((one) => join(folder, one)));
      assert.deepEqual(
        files.filter(({ superseded }) => superseded),
        [],
      );
      assert.deepEqual(contents(folder), { ...after, ...links });
    });
  }

  it('is completed after its process was killed right after the commit (G9)', async (t) => {
    const folder = overlay(t);
    if (folder === undefined) return;
    const { signal, stderr } = await runProgram(
      `
      ${replacing}
      const { renameSync } = fs;
      fs.renameSync = (from, to) => {
        renameSync(from, to);
        if (String(to).endsWith('.committed')) process.kill(process.pid, 'SIGKILL');
      };
      syncBuiltinESMExports();
      const { transactionSync } = await import('untorn');
      const at = (name) => process.argv[1] + '/' + name;
      transactionSync((tx) => { tx.rename(at('f'), at('g')); tx.writeFile(at('h'), 'new'); });`,
      [folder],
    );
    assert.equal(signal, 'SIGKILL', stderr);
    const { files, kept } = await recover(folder);
    assert.deepEqual([files.map(({ outcome }) => outcome), kept], [['completed', 'completed', 'completed'], []]);
    assert.deepEqual(contents(folder), { g: 'old f', h: 'new', ...links });
  });
});

describe('a transaction on exFAT, which takes names for one that differ in case', { skip }, () => {
  it('refuses them, and changes other files together (G9)', async (t) => {
    if (!needsTools(t, 'mkfs.exfat', 'mount.exfat-fuse', 'losetup')) return;
    const undoing = new Undoing(t);
    const folder = undoing.newFolder();
    const image = join(folder, 'image');
    const mount = join(folder, 'mount');
    mkdirSync(mount);
    writeFileSync(image, '');
    truncateSync(image, 16 << 20);
    run('mkfs.exfat', image);
    const device = run('losetup', '-f', '--show', image).trim();
    undoing.add(() => run('losetup', '-d', device));
    if (!undoing.mounted(mount, 'mount.exfat-fuse', '-o', 'umask=022', device, mount)) return;
    const at = (name: string): string => join(mount, name);
    writeFileSync(at('f'), 'old');
    const refused = { code: 'EINVAL', outcome: 'old' };
    assert.throws(() => transactionSync((tx) => tx.rename(at('f'), at('F'))), refused);
    for (const [one, other] of [
      ['a', 'A'],
      ['f', 'F'],
    ] as const) {
      assert.throws(
        () =>
          transactionSync((tx) => {
            tx.writeFile(at(one), 'new');
            tx.writeFile(at(other), 'new');
          }),
        refused,
      );
    }
    await transaction(async (tx) => {
      await tx.rename(at('f'), at('g'));
      await tx.writeFile(at('h'), 'new');
    });
    assert.deepEqual(contents(mount), { g: 'old', h: 'new' });
  });
});
