/** The packages that stand for the originals, put in their place by what `untorn adopt` prints. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

const root = process.cwd();
const folder = resolve('build', 'aliases');
const main = resolve('dist', 'cli', 'main.cjs');

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    // Each package manager has its own cache here: one that knows another untorn 0.1.0 would install that.
    const caches = { YARN_CACHE_FOLDER: join(cwd, 'cache'), YARN_GLOBAL_FOLDER: join(cwd, 'cache') };
    const env = { ...process.env, ...caches, CI: '1', NODE_TEST_CONTEXT: undefined, npm_config_user_agent: undefined };
    return (await promisify(execFile)(command, args, { cwd, env })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Record<string, string>;
}

/** Each of the packages, with its tarball. */
function packages(): { manifest: Manifest; tarball: string }[] {
  return readdirSync(folder)
    .filter((name) => !name.endsWith('.tgz'))
    .map((name) => {
      const manifest = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as Manifest;
      return { manifest, tarball: join(folder, `untorn-${name}-${manifest.version}.tgz`) };
    });
}

/** A registry of these packages and of no other. */
async function registry(): Promise<{ server: Server; url: string }> {
  const all = packages();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    const archive = all.find(({ tarball }) => path.endsWith(tarball.slice(folder.length)));
    if (archive !== undefined) return response.end(readFileSync(archive.tarball));
    const found = all.find(({ manifest }) => path === `/${manifest.name}`);
    if (found === undefined) return response.writeHead(404).end('{}');
    const { manifest, tarball } = found;
    const bytes = readFileSync(tarball);
    const dist = {
      tarball: `${url}${tarball.slice(folder.length)}`,
      integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
      shasum: createHash('sha1').update(bytes).digest('hex'),
    };
    const { name, version } = manifest;
    const versions = { [version]: { ...manifest, dist } };
    // yarn 4 takes no version that is new.
    const time = { [version]: '2020-01-01T00:00:00.000Z' };
    return response.end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions, time }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { server, url };
}

describe('the packages that stand for the originals', () => {
  let workshop: string;
  let untorn: string;
  let managers: string;
  let served: Awaited<ReturnType<typeof registry>>;

  before(async () => {
    workshop = mkdtempSync(join(tmpdir(), 'untorn-aliases-'));
    await run(process.execPath, ['scripts/aliases.js'], root);
    const [{ filename }] = JSON.parse(
      await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', workshop], root),
    ) as [{ filename: string }];
    untorn = join(workshop, filename);
    managers = join(workshop, 'managers');
    mkdirSync(managers);
    writeFileSync(join(managers, 'package.json'), '{ "private": true }\n');
    const wanted = ['pnpm@10.34.0', 'yarn@1.22.22', '@yarnpkg/cli-dist@4.17.0'];
    await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted], managers);
    served = await registry();
  });
  after(() => {
    served.server.close();
    rmSync(workshop, { recursive: true, force: true });
  });

  it('have the versions that untorn adopt asks for, and no dependency but untorn', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const source = readFileSync('src/cli/adopt/drop-ins.ts', 'utf8');
    const asked = [...source.matchAll(/'(@untorn\/[\w-]+)@\^([\d.]+)'/g)].map(([, name, range]) => `${name} ${range}`);
    const made = packages().map(({ manifest }) => `${manifest.name} ${manifest.version}`);
    assert.deepEqual(asked.toSorted(), made.toSorted());
    assert.equal(made.length, 4);
    for (const { manifest } of packages()) assert.deepEqual(manifest.dependencies, { untorn: `^${version}` });
  });

  it('are packed in the way that publint asks for, with types for every way of importing them', async () => {
    for (const { tarball } of packages()) {
      await run(join(root, 'node_modules', '.bin', 'publint'), ['run', '--strict', tarball], root);
      await run(join(root, 'node_modules', '.bin', 'attw'), [tarball], root);
    }
  });

  /** A project with a package that needs an older original than the drop-in stands for. */
  async function adopt(name: string, manager: 'npm' | 'pnpm' | 'yarn'): Promise<string> {
    const project = join(workshop, name);
    const put = (path: string, value: unknown): void => {
      mkdirSync(dirname(join(project, path)), { recursive: true });
      writeFileSync(join(project, path), typeof value === 'string' ? value : JSON.stringify(value));
    };
    const dependencies = { 'write-file-atomic': '^5.0.0', steno: '^4.0.0' };
    put('dependent/package.json', { name: 'dependent', version: '1.0.0', dependencies });
    put('dependent/index.js', `exports.write = require('write-file-atomic'); exports.steno = require('steno');`);
    const manifest = { name: 'project', private: true, dependencies: { dependent: 'file:./dependent' } };
    put('package.json', manifest);
    // As if it was installed with the originals.
    put('node_modules/dependent/package.json', { name: 'dependent', version: '1.0.0', dependencies });
    put('node_modules/write-file-atomic/package.json', { name: 'write-file-atomic', version: '5.0.1' });
    put('node_modules/steno/package.json', { name: 'steno', version: '4.0.2' });
    const found = await promisify(execFile)(process.execPath, [main, 'adopt', '--json', project]).catch(
      (error: { code: number; stdout: string }) => error,
    );
    assert.equal((found as { code?: number }).code, 9);
    const blocks = (JSON.parse(found.stdout) as Record<string, Record<string, Record<string, string>>>)[manager] ?? {};
    rmSync(join(project, 'node_modules'), { recursive: true });
    // This package is not in that registry.
    const itself = manager === 'npm' ? '$untorn' : `file:${untorn}`;
    const [[key, overrides]] = Object.entries(blocks) as [[string, Record<string, string>]];
    const adopted = { [key]: { ...overrides, untorn: itself } };
    put('package.json', {
      ...manifest,
      dependencies: { ...manifest.dependencies, untorn: `file:${untorn}` },
      ...(manager === 'pnpm' ? {} : adopted),
    });
    if (manager === 'pnpm') put('pnpm-workspace.yaml', JSON.stringify(adopted));
    put('.npmrc', `@untorn:registry=${served.url}/\n`);
    put(
      '.yarnrc.yml',
      `enableTelemetry: false\nnodeLinker: node-modules\nnpmScopes: { untorn: { npmRegistryServer: '${served.url}' } }\nunsafeHttpWhitelist: ['127.0.0.1']\n`,
    );
    return project;
  }

  async function check(project: string): Promise<void> {
    const source = `
      const { write, steno } = require('dependent');
      write.sync('sync', 'new');
      Promise.all([write('async', 'new'), new steno.Writer('steno').write('new')]).then(() => console.log(write === require('untorn/write-file-atomic'), steno === require('untorn/steno')));`;
    writeFileSync(join(project, 'use.cjs'), source);
    assert.equal((await run(process.execPath, ['use.cjs'], project)).trim(), 'true true');
    for (const name of ['sync', 'async', 'steno']) assert.equal(readFileSync(join(project, name), 'utf8'), 'new');
    const after = await run(process.execPath, [main, 'adopt', project], root);
    assert.equal(after, 'No package in node_modules is known to write files unsafely\n');
  }

  const bin = (path: string): string => join(managers, 'node_modules', path);
  const ways: readonly (readonly [string, 'npm' | 'pnpm' | 'yarn', () => readonly string[]])[] = [
    ['npm', 'npm', () => ['npm', 'install', '--no-audit', '--no-fund']],
    [
      'pnpm',
      'pnpm',
      () => [process.execPath, bin('pnpm/bin/pnpm.cjs'), 'install', '--no-frozen-lockfile', '--store-dir', 'cache'],
    ],
    ['yarn 1', 'yarn', () => [process.execPath, bin('yarn/bin/yarn.js'), 'install', '--no-lockfile']],
    ['yarn 4', 'yarn', () => [process.execPath, bin('@yarnpkg/cli-dist/bin/yarn.js'), 'install', '--no-immutable']],
  ];
  for (const [name, manager, command] of ways) {
    it(`take their place by the overrides of ${name}`, async () => {
      const project = await adopt(name.replace(' ', '-'), manager);
      if (name === 'yarn 4') writeFileSync(join(project, 'yarn.lock'), '');
      const [program, ...args] = command() as [string, ...string[]];
      await run(program, args, project);
      await check(project);
      if (manager === 'npm') await run('npm', ['ls', '--all'], project);
    });
  }
});
