/**
 * The package in a realm of its own, as Jest and vitest's `vmThreads` evaluate it: no class of it is one of what Node
 * and addons make.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createContext, Script } from 'node:vm';
import { newFolder } from '../support/folder.ts';
import { hasNative } from '../support/native-part.ts';
import { needsTools } from '../support/needs.ts';
import { run } from '../support/run.ts';

type Library = typeof import('untorn');

/** What test runners hand on; everything else, `Error` and `Uint8Array` among it, is the realm's own. */
const handedOn = {
  process,
  Buffer,
  Blob,
  AbortController,
  AbortSignal,
  URL,
  TextEncoder,
  TextDecoder,
  WritableStream,
  ReadableStream,
  setTimeout,
  clearTimeout,
  queueMicrotask,
};

function loadInOwnRealm(): Library {
  const context = createContext({ ...handedOn });
  const loaded = new Map<string, { exports: unknown }>();
  const load = (path: string): unknown => {
    const known = loaded.get(path);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    loaded.set(path, module);
    const require = createRequire(path);
    const wrapped = new Script(
      `(function (exports, require, module, __filename, __dirname) {${readFileSync(path, 'utf8').replace(/^#!.*/, '')}\n})`,
      { filename: path },
    );
    const evaluate = wrapped.runInContext(context) as (...args: unknown[]) => void;
    evaluate(
      module.exports,
      (name: string) => (isBuiltin(name) ? require(name) : load(require.resolve(name))),
      module,
      path,
      dirname(path),
    );
    return module.exports;
  };
  return load(createRequire(import.meta.url).resolve('untorn')) as Library;
}

describe('in a realm of its own', () => {
  const library = loadInOwnRealm();

  it('writes, and says what is wrong (G4)', async (t) => {
    const folder = newFolder(t);
    const path = join(folder, 'file');
    assert.equal((await library.writeFile(path, 'new')).replaced, false);
    assert.equal(
      (await library.writeFile(pathToFileURL(path), new Uint8Array([110, 101, 119]), { ifUnchanged: 'skip' }))
        .unchanged,
      true,
    );
    assert.equal(
      (await library.writeFile(path, new Blob(['blob']), { backup: pathToFileURL(join(folder, 'backup')) })).bytes,
      4,
    );
    library.writeFileSync(path, ['a', 'b']);
    assert.equal(readFileSync(path, 'utf8'), 'ab');
    await assert.rejects(library.writeFile(join(folder, 'none', 'file'), 'new'), {
      name: 'WriteError',
      code: 'ENOENT',
      outcome: 'old',
    });
    await assert.rejects(library.writeFile(path, 'new', { signal: AbortSignal.abort() }), {
      name: 'AbortError',
      code: 'ABORT_ERR',
    });
    await assert.rejects(library.writeFile(path, 'new', { overwrite: false }), {
      name: 'WriteError',
      code: 'EEXIST',
      outcome: 'old',
    });
  });

  it('updates, changes several files and keeps a writer (G8, G9)', async (t) => {
    const folder = newFolder(t);
    const path = join(folder, 'file');
    await Promise.all(
      Array.from({ length: 3 }, () => library.updateJson<number>(path, (value) => value + 1, { initial: 0 })),
    );
    assert.equal(await library.readJson(path), 3);
    await library.transaction(async (tx) => {
      await tx.writeFile(path, 'new');
      await tx.remove(join(folder, 'none'), { force: true });
    });
    const { completed, removed, kept } = await library.recover(folder);
    assert.equal(JSON.stringify([completed, removed, kept]), '[[],[],[]]');
    const writer = library.createWriter(path);
    await writer.write({ count: 1 });
    await writer.close();
    assert.equal(readFileSync(path, 'utf8'), '{"count":1}');
    await assert.rejects(library.readJson(join(folder, 'none')), { code: 'ENOENT' });
  });

  it('keeps attributes and an ACL (G6)', async (t) => {
    if (!needsTools(t, 'setfacl', 'setfattr')) return;
    const path = join(newFolder(t), 'file');
    writeFileSync(path, 'old', { mode: 0o600 });
    run('setfacl', '-m', 'u:12345:r', path);
    run('setfattr', '-n', 'user.note', '-v', 'kept', path);
    for (const write of [library.writeFile, library.writeFileSync]) {
      assert.equal(JSON.stringify((await write(path, 'new')).notKept), hasNative ? '[]' : '["xattr"]');
      if (!hasNative) continue;
      assert.match(run('getfacl', '-cn', path), /user:12345:r--/);
      assert.equal(run('getfattr', '--only-values', '-n', 'user.note', path), 'kept');
    }
  });
});
