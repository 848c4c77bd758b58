/** Runs one program in a folder of its own, and judges what it left and what each call said. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { PathLike } from 'untorn';
import { files, type Action, type Target } from './actions.ts';
import { History } from './history.ts';
import { pass, perform, type Library } from './perform.ts';

/** In memory where that can be: ten times as many programs, since no sync waits for a disk. */
export const parent: string = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A folder with the files, not there yet, and links to them and to itself. */
class Folder {
  readonly path: string = mkdtempSync(join(parent, 'untorn-property-'));

  constructor() {
    for (const file of files) symlinkSync(file, join(this.path, `link ${file}`));
    symlinkSync('.', join(this.path, 'self'));
  }

  name({ file, alias }: Target): PathLike {
    const path = join(this.path, file);
    switch (alias) {
      case 'plain':
        return path;
      case 'link':
        return join(this.path, `link ${file}`);
      case 'folder link':
        return join(this.path, 'self', file);
      case 'relative':
        return relative(process.cwd(), path);
      case 'dots':
        return `${this.path}/self/../${this.path.slice(this.path.lastIndexOf('/') + 1)}/./${file}`;
      case 'URL':
        return pathToFileURL(path);
      case 'Buffer':
        return Buffer.from(path);
    }
  }

  read(file: string): string | undefined {
    try {
      return readFileSync(join(this.path, file), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** Whether there was something to remove. */
  remove(file: string): boolean {
    try {
      unlinkSync(join(this.path, file));
      return true;
    } catch {
      return false;
    }
  }
}

export async function run(program: readonly Action[], library: Library): Promise<void> {
  const folder = new Folder();
  const history = new History((file) => folder.read(file));
  const running: Promise<void>[] = [];
  try {
    for (const [index, action] of program.entries()) {
      switch (action.kind) {
        case 'turns':
          await pass(action.turns);
          break;
        case 'wait for all':
          await settled(running);
          break;
        case 'remove':
          if (folder.remove(action.target.file))
            history.removals.push({ file: action.target.file, moment: history.moment() });
          break;
        default: {
          const content = `${action.content === 'own' ? `#${index}` : 'same'}:`.padEnd(action.size, '.');
          const call = perform(library, action, folder.name(action.target), history.begin(action, content));
          running.push(call);
          if (action.awaited) await settled([call]);
        }
      }
    }
    await settled(running);
    history.check(files);
    assert.deepEqual(
      readdirSync(folder.path).filter((name) => name.includes('untorn-')),
      [],
      'temporary files are left',
    );
  } finally {
    rmSync(folder.path, { recursive: true, force: true });
  }
}

async function settled(calls: readonly Promise<void>[]): Promise<void> {
  const patience = new AbortController();
  const late = setTimeout(10_000, 'late', { signal: patience.signal, ref: true }).catch(() => 'in time');
  const first = await Promise.race([Promise.all(calls), late]);
  patience.abort();
  assert.notEqual(first, 'late', 'a promise is not settled after 10 s');
}
