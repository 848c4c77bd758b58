import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { run } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';

const [major] = process.versions.node.split('.').map(Number) as [number];
const permission = major < 22 ? '--experimental-permission' : '--permission';

describe(`node ${permission}`, () => {
  const here = scratch();
  const allowed = (code: string): ReturnType<typeof run> =>
    run(code, [here.folder], {
      flags: [permission, '--no-warnings', '--allow-fs-read=*', `--allow-fs-write=${here.folder}/*`],
    });

  it('lets all ways of writing replace a file, and says what is durable (G1, G4)', async () => {
    writeFileSync(here.at('file'), 'old', { mode: 0o640 });
    const { status, stdout, stderr } = await allowed(`
      import { atomicWrite, createWriteStream, openPendingSync, sweep, writeFile, writeFileSync } from 'untorn';
      import { readFileSync, statSync } from 'node:fs';
      import { pipeline } from 'node:stream/promises';
      const path = process.argv[1] + '/file';
      const ways = {
        'writeFile off': () => writeFile(path, 'off', { durability: 'off' }),
        'writeFile': () => writeFile(path, 'new'),
        'writeFileSync': () => writeFileSync(path, 'new sync'),
        'atomicWrite': () => atomicWrite(path, (file) => file.write('block')),
        'openPendingSync': () => { const file = openPendingSync(path); file.write('pending'); return file.commit(); },
        'createWriteStream': async () => { const stream = createWriteStream(path); await pipeline(['stream'], stream); return stream.result; },
        'backup': () => writeFile(path, 'backed up', { backup: path + ' 0' }),
        'create': () => writeFile(path + ' 2', 'created', { overwrite: false }),
      };
      const results = {};
      for (const [name, write] of Object.entries(ways)) {
        try { const { durable, bytes } = await write(); results[name] = [durable, bytes]; } catch (error) { results[name] = error.message; }
      }
      await sweep(process.argv[1]);
      console.log(JSON.stringify({ results, content: readFileSync(path, 'utf8'), mode: statSync(path).mode & 0o777 }));
    `);
    assert.equal(status, 0, stderr);
    const { results, content, mode } = JSON.parse(stdout) as {
      results: Record<string, [boolean | string, number] | string>;
      content: string;
      mode: number;
    };
    for (const [name, result] of Object.entries(results))
      assert.ok(Array.isArray(result), `${name}: ${String(result)}`);
    assert.deepEqual([content, mode, results['writeFile off']?.[0]], ['backed up', 0o640, false]);
    // Not every version lets a sync through; what it then says is 'unsupported', never that it was done.
    for (const [name, result] of Object.entries(results))
      if (name !== 'writeFile off') assert.match(String(result[0]), /^(true|unsupported)$/);
    assert.deepEqual(here.names(), ['file', 'file 0', 'file 2']);
  });

  it('reports a target outside of what is allowed, before it touches anything (G4)', async () => {
    const { status, stdout, stderr } = await run(
      `
      import { writeFile, writeFileSync } from 'untorn';
      const path = process.argv[1] + '/file';
      const codes = [];
      try { await writeFile(path, 'new'); } catch ({ code, outcome }) { codes.push(code, outcome); }
      try { writeFileSync(path, 'new'); } catch ({ code, outcome }) { codes.push(code, outcome); }
      console.log(codes.join());
    `,
      [here.folder],
      { flags: [permission, '--no-warnings', '--allow-fs-read=*'] },
    );
    assert.deepEqual([status, stdout], [0, 'ERR_ACCESS_DENIED,old,ERR_ACCESS_DENIED,old'], stderr);
    assert.deepEqual(here.names(), []);
  });
});
