import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { recover, sweep } from 'untorn';
import { needsOrdinaryUser } from '../support/as-user.ts';
import { isRoot } from '../support/needs.ts';
import { endHeld, Folder, heldFilter, main, shell, start, startProgram, untorn, type Ended } from './untorn.ts';
import { replacing } from '../support/replacing.ts';

const posix = process.platform === 'win32' ? 'needs a POSIX shell' : false;

describe('untorn commit', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
    for (const name of ['a', 'b']) writeFileSync(folder.at(name), `old ${name}`, { mode: 0o640 });
    for (const name of ['x', 'y']) writeFileSync(folder.at(name), `new ${name}`);
  });
  afterEach(async () => {
    await endHeld();
    folder.remove();
  });

  function commit(given: readonly string[], input = ''): Promise<Ended> {
    return untorn(['commit', ...given], { cwd: folder.path, input });
  }

  function commitManifest(changes: unknown, given: readonly string[] = []): Promise<Ended> {
    return commit(['--manifest', '-', ...given], JSON.stringify(changes));
  }

  function contents(...names: string[]): string[] {
    return names.map((name) => folder.read(name));
  }

  function assertUntouched(): void {
    assert.deepEqual(contents('a', 'b'), ['old a', 'old b']);
    assert.deepEqual(folder.names(), ['a', 'b', 'x', 'y']);
  }

  it('replaces several files, says nothing and leaves nothing else', async () => {
    const { status, stdout, stderr } = await commit(['a=x', 'b=y']);
    assert.deepEqual([status, stdout, stderr], [0, '', '']);
    assert.deepEqual(contents('a', 'b'), ['new x', 'new y']);
    if (posix === false) assert.equal(statSync(folder.at('a')).mode & 0o777, 0o640);
    assert.deepEqual(folder.names(), ['a', 'b', 'x', 'y']);
  });

  it('creates files, also in other directories', async () => {
    mkdirSync(folder.at('directory'));
    assert.equal((await commit(['directory/c=x', 'd=y'])).status, 0);
    assert.deepEqual(contents('directory/c', 'd'), ['new x', 'new y']);
  });

  it('refuses to change one file twice', async () => {
    for (const given of [
      ['a=x', './a=y'],
      ['a=x', '--remove', folder.at('a')],
    ])
      assert.match((await commit(given)).stderr, /is named twice; try "untorn commit --help"\n$/);
    assert.equal(
      (
        await commitManifest([
          { write: 'a', from: 'x' },
          { rename: 'b', to: 'a' },
        ])
      ).status,
      2,
    );
    assertUntouched();
  });

  it('takes standard input for one of them', async () => {
    assert.equal((await commit(['a=-', 'b=y'], 'from standard input')).status, 0);
    assert.deepEqual(contents('a', 'b'), ['from standard input', 'new y']);
    assert.equal((await commit(['a=-', 'b=-'])).status, 2);
    writeFileSync(folder.at('-'), 'a file');
    assert.equal((await commit(['a=./-'])).status, 0);
    assert.deepEqual(contents('a', 'b'), ['a file', 'new y']);
  });

  it('reads every source before it changes anything', async () => {
    assert.equal((await commit(['a=b', 'b=a'])).status, 0);
    assert.deepEqual(contents('a', 'b'), ['old b', 'old a']);
  });

  it('splits at the first "="; a manifest takes any name', async () => {
    writeFileSync(folder.at('x=1'), 'with a sign');
    assert.equal((await commit(['a=x=1'])).status, 0);
    assert.equal((await commitManifest([{ write: 'k=v', from: 'x=1' }])).status, 0);
    assert.deepEqual(contents('a', 'k=v'), ['with a sign', 'with a sign']);
  });

  it(
    'takes names that are not UTF-8',
    { skip: process.platform === 'linux' ? false : 'file names are Unicode here' },
    async () => {
      const [target, source, manifest] = ['t\xff', 's\xff', 'm\xff'].map((name) => Buffer.from(name, 'latin1')) as [
        Buffer,
        Buffer,
        Buffer,
      ];
      const at = (name: Buffer): Buffer => Buffer.concat([Buffer.from(`${folder.path}/`), name]);
      writeFileSync(at(source), 'bytes');
      assert.equal((await shell(`$untorn commit "$(printf 't\\377=s\\377')"`, { cwd: folder.path })).stderr, '');
      assert.equal(readFileSync(at(target), 'utf8'), 'bytes');
      assert.equal(
        (
          await commitManifest([
            { write: { base64: manifest.toString('base64') }, from: { base64: source.toString('base64') } },
          ])
        ).stderr,
        '',
      );
      assert.equal(readFileSync(at(manifest), 'utf8'), 'bytes');
    },
  );

  it('writes, removes and renames what the manifest says, together with its operands', async () => {
    const changes = [{ write: 'c', content: 'inline\n', mode: '604' }, { rename: 'a', to: 'moved' }, { remove: 'y' }];
    writeFileSync(folder.at('manifest'), JSON.stringify(changes));
    const { status, stderr } = await commit(['--manifest', 'manifest', '--remove', 'manifest', 'b=x']);
    assert.deepEqual([status, stderr], [0, '']);
    assert.deepEqual(folder.names(), ['b', 'c', 'moved', 'x']);
    assert.deepEqual(contents('b', 'c', 'moved'), ['new x', 'inline\n', 'old a']);
    if (posix === false) assert.equal(statSync(folder.at('c')).mode & 0o777, 0o604);
  });

  it('takes a wrong or cut off manifest for wrong usage', async () => {
    const wrong: [string, RegExp][] = [
      ['', /not complete JSON/],
      ['[{"remove": "a"}, {"remo', /not complete JSON/],
      ['{"remove": "a"}', /must be a JSON array/],
      ['[["a", "x"]]', /Change 1 of the manifest must be an object/],
      ['[{"remove": "a"}, {"write": "a", "remove": "b"}]', /Change 2 of the manifest must have one of/],
      ['[{"write": "a"}]', /either "from" or "content"/],
      ['[{"write": "a", "from": "x", "contents": ""}]', /"contents" does not go with "write"/],
      ['[{"write": "a", "from": "x", "mode": 600}]', /"mode" must be a string/],
      ['[{"write": "a", "from": "x", "mode": "999"}]', /octal/],
      ['[{"write": "a", "from": "x", "ifMatch": "1"}]', /SHA-256/],
      ['[{"remove": ""}]', /"remove" must be a path/],
      ['[{"remove": {"base64": "?"}}]', /"remove" must be a path/],
      ['[{"write": "a", "from": "-"}]', /only once/],
    ];
    for (const [manifest, expected] of wrong) {
      const { status, stdout, stderr } = await commit(['--manifest', '-'], manifest);
      assert.deepEqual([status, stdout], [2, ''], manifest);
      assert.match(stderr, expected);
    }
    assertUntouched();
  });

  it('changes nothing when a source cannot be read', async () => {
    const { status, stderr } = await commit(['a=x', 'b=missing']);
    assert.equal(status, 1);
    assert.equal(stderr, 'untorn: Cannot read "missing": no such file or directory (ENOENT); nothing is changed\n');
    assert.equal((await commit(['a=x', 'b=.'])).status, 1);
    assertUntouched();
  });

  it('changes nothing when a target cannot be replaced', async () => {
    mkdirSync(folder.at('directory'));
    for (const target of ['directory', 'none/b']) assert.equal((await commit(['a=x', `${target}=y`])).status, 1);
    assert.equal(folder.read('a'), 'old a');
  });

  it('changes nothing when the disk is full', { skip: posix }, async () => {
    const { status, stderr } = await shell('ulimit -f 8; head -c 1000000 /dev/zero | $untorn commit a=x b=-', {
      cwd: folder.path,
    });
    assert.equal(status, 1);
    assert.match(stderr, /EFBIG/);
    assertUntouched();
  });

  it('changes nothing when a file to remove or rename is missing', async () => {
    assert.equal((await commit(['a=x', '--remove', 'missing'])).status, 1);
    assert.equal(
      (
        await commitManifest([
          { write: 'a', from: 'x' },
          { rename: 'missing', to: 'b' },
        ])
      ).status,
      1,
    );
    assertUntouched();
  });

  it('changes nothing on a conflict', async () => {
    const conflicts = [
      { write: 'b', from: 'y', overwrite: false },
      { rename: 'y', to: 'b', overwrite: false },
    ];
    for (const change of conflicts) assert.equal((await commitManifest([{ write: 'a', from: 'x' }, change])).status, 3);
    const version = createHash('sha256').update('older').digest('hex');
    assert.equal(
      (
        await commitManifest([
          { write: 'a', from: 'x' },
          { write: 'b', from: 'y', ifMatch: version },
        ])
      ).status,
      3,
    );
    assert.equal((await commit(['--no-overwrite', 'a=x', 'c=y'])).status, 3);
    assertUntouched();
  });

  it('waits for the locks no longer than --lock-timeout', async () => {
    const editing = await heldFilter((filter) => start(['edit', 'b', '--', ...filter], { cwd: folder.path }));
    assert.equal((await commit(['--lock-timeout', '0', 'a=x', 'b=y'])).status, 6);
    assert.equal(folder.read('a'), 'old a');
    editing.letGo();
    assert.equal((await editing.ended).status, 0);
    assert.deepEqual(contents('a', 'b'), ['old a', 'old b, held']);
  });

  it('lets several commits of the same files come one after the other (G9)', async () => {
    const ended = await Promise.all(
      ['1', '2', '3', '4', '5', '6'].map((content) =>
        commitManifest(
          ['a', 'b'].map((write) => ({ write, content })),
          ['--lock-timeout', '5m'],
        ),
      ),
    );
    assert.deepEqual(
      ended.map(({ status, stderr }) => [status, stderr]),
      ended.map(() => [0, '']),
    );
    assert.match(contents('a', 'b').join(''), /^([1-6])\1$/);
    assert.deepEqual(folder.names(), ['a', 'b', 'x', 'y']);
  });

  it('changes nothing for an ordinary user who may not change one of the directories', { skip: posix }, async (t) => {
    mkdirSync(folder.at('closed'));
    writeFileSync(folder.at('closed/c'), 'old c');
    const user = await needsOrdinaryUser(
      t,
      folder.path,
      ...['a', 'b', 'x', 'y', 'closed/c'].map((name) => folder.at(name)),
    );
    if (user === undefined) return;
    if (isRoot) chownSync(folder.at('closed'), 0, 0);
    chmodSync(folder.at('closed'), 0o555);
    const line: string[] = [...user, process.execPath, main, 'commit'];
    const [program = '', ...given] = line;
    const commitAsUser = (...operands: string[]): Promise<Ended> =>
      startProgram(program, [...given, ...operands], { cwd: folder.path }).ended;
    const { status, stderr } = await commitAsUser('a=x', 'closed/c=y');
    assert.equal(status, 1);
    assert.match(stderr, /^untorn: .*closed\/c.*\(EACCES\).*\n$/);
    assert.deepEqual(contents('a', 'closed/c'), ['old a', 'old c']);
    assert.equal((await commitAsUser('a=x', 'b=y')).status, 0);
    chmodSync(folder.at('closed'), 0o755);
    assert.deepEqual(contents('a', 'b'), ['new x', 'new y']);
    assert.deepEqual(folder.names(), ['a', 'b', 'closed', 'x', 'y']);
  });

  it(
    'is done when nobody reads what --json prints, and has a code of its own',
    { skip: process.platform === 'linux' ? false : 'only Linux tells closed output from /dev/null' },
    async () => {
      assert.equal((await shell('$untorn commit --json a=x b=y >&-', { cwd: folder.path })).status, 8);
      assert.deepEqual(contents('a', 'b'), ['new x', 'new y']);
    },
  );

  it('changes nothing when a signal comes while a source is read', { skip: posix }, async () => {
    const running = start(['commit', 'a=x', 'b=-'], { cwd: folder.path });
    running.child.stdin?.write('beginning');
    await until(() => folder.names().length > 4);
    running.child.kill('SIGTERM');
    assert.equal((await running.ended).signal, 'SIGTERM');
    assertUntouched();
  });

  it('commits all or nothing wherever it is killed, once recovered (G9)', { skip: posix }, async () => {
    for (let step = 1, killed = true; killed; step++) {
      for (const name of ['a', 'b']) writeFileSync(folder.at(name), `old ${name}`);
      writeFileSync(folder.at('gone'), 'old gone');
      const { signal, stderr } = await untorn(['commit', 'a=x', 'b=y', '--remove', 'gone'], {
        cwd: folder.path,
        preload: killedAt(step),
      });
      killed = signal === 'SIGKILL';
      assert.equal(stderr, '');
      await recover(folder.path);
      await sweep(folder.path);
      const all = contents('a', 'b').join();
      assert.ok(all === 'old a,old b' || all === 'new x,new y', `killed at step ${step}: ${all}`);
      assert.deepEqual(
        folder.names(),
        all === 'old a,old b' ? ['a', 'b', 'gone', 'x', 'y'] : ['a', 'b', 'x', 'y'],
        `killed at step ${step}`,
      );
      if (!killed) assert.ok(step > 9, 'it was killed often enough');
    }
  });

  it('--json tells all of it', async () => {
    const { stdout } = await commit(['--json', '--backup', 'simple', 'a=x', '--remove', 'b']);
    const { files, durable } = JSON.parse(stdout) as {
      files: { operation: string; path: string; backupPath: string }[];
      durable: boolean | string;
    };
    assert.deepEqual(
      files.map(({ operation, path, backupPath }) => [operation, path, backupPath]),
      [
        ['write', folder.at('a'), folder.at('a~')],
        ['remove', folder.at('b'), folder.at('b~')],
      ],
    );
    assert.ok(durable === true || durable === 'unsupported');
    assert.deepEqual(contents('a~', 'b~'), ['old a', 'old b']);
    assert.match((await commit(['-v', 'a=y'])).stderr, /^untorn: Committed 1 file(, durable)?\n$/);
  });
});

/** A process that kills itself before its nth call that changes a directory. */
function killedAt(step: number): string {
  return `${replacing}
    let calls = 0;
    for (const name of ['rename', 'link', 'unlink', 'mkdir', 'rmdir'].flatMap((call) => [call, call + 'Sync'])) {
      const real = fs[name];
      fs[name] = (...given) => {
        if (++calls === ${step}) process.kill(process.pid, 'SIGKILL');
        return real(...given);
      };
    }
    syncBuiltinESMExports();`;
}

/** Resolves when it is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
