/** What every host is to do with the package; throws what is wrong. `acl`: whether ACLs are kept, as the native part does. */
'use strict';
// The real ones: what is tried may mock them, or be a module that knows no `require()`.
const [assert, { spawnSync }, { mkdtempSync, readFileSync, readdirSync, rmSync }, { tmpdir }, { join }] = ['assert', 'child_process', 'fs', 'os', 'path'].map((name) => process.getBuiltinModule(name));

const run = (...[command, ...args]) => spawnSync(command, args, { encoding: 'utf8' });
/** Objects of another realm have other prototypes. */
const same = (value, expected) => assert.equal(JSON.stringify(value), JSON.stringify(expected));

module.exports = async function scenario(untorn, { acl = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'untorn-host-'));
  try {
    const path = join(folder, 'file');
    const text = () => readFileSync(path, 'utf8');
    const written = await untorn.writeFile(path, 'new');
    same([written.bytes, written.durable, text()], [3, true, 'new']);
    untorn.writeFileSync(path, 'newer');
    same(text(), 'newer');

    await Promise.all(Array.from({ length: 5 }, () => untorn.updateFile(path, (old) => `${old}+`, 'utf8')));
    same(text(), 'newer+++++');
    await untorn.updateJson(join(folder, 'json'), (value) => [...value, 1], { initial: [] });
    same(await untorn.readJson(join(folder, 'json')), [1]);

    await untorn.transaction(async (tx) => {
      await tx.writeFile(path, 'together');
      await tx.rename(join(folder, 'json'), join(folder, 'moved'));
    });
    same([text(), readFileSync(join(folder, 'moved'), 'utf8')], ['together', '[1]\n']);

    const writer = untorn.createWriter(path);
    await writer.write('written');
    await writer.close();
    same(text(), 'written');

    const error = await untorn.writeFile(join(folder, 'none', 'file'), 'new').catch((error) => error);
    same([error.name, error.code, error.outcome, untorn.WriteError.isWriteError(error)], ['WriteError', 'ENOENT', 'old', true]);

    await keepsAcl(untorn, path, acl);
    same(readdirSync(folder).sort(), ['file', 'moved']);
  } finally {
    rmSync(folder, { recursive: true });
  }
  console.log('untorn works here');
};

async function keepsAcl(untorn, path, isKept) {
  if (run('setfacl', '-m', 'u:12345:r', path).status !== 0) return console.log('No ACL was tried: there is no setfacl, or the filesystem has none');
  const { notKept } = await untorn.writeFile(path, 'with an ACL');
  same(run('getfacl', '-cn', path).stdout.includes('user:12345:r--'), isKept);
  same(notKept.some((name) => name === 'acl' || name === 'xattr'), !isKept);
}
