import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Folder, untorn } from './untorn.ts';

/** What `--json` prints. */
interface Report {
  readonly source: string;
  readonly packages: readonly {
    readonly name: string;
    readonly version: string;
    readonly dropIn: string | null;
    readonly bundled: boolean;
    readonly direct: boolean;
    readonly through: readonly (readonly { readonly name: string; readonly version: string }[])[];
  }[];
  readonly npm: { readonly overrides: Record<string, unknown> };
  readonly pnpm: { readonly overrides: Record<string, unknown> };
  readonly yarn: { readonly resolutions: Record<string, unknown> };
}

describe('untorn adopt', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
  });
  afterEach(() => folder.remove());

  /** A package.json; what it depends on is of any version. */
  function manifest(path: string, given: Readonly<Record<string, unknown>> & { needs?: readonly string[] }): void {
    const { needs = [], ...rest } = given;
    const dependencies = Object.fromEntries(needs.map((name) => [name, '*']));
    mkdirSync(folder.at(path), { recursive: true });
    writeFileSync(folder.at(`${path}/package.json`), JSON.stringify({ ...rest, dependencies }));
  }

  async function report(...given: readonly string[]): Promise<Report & { status: number | null }> {
    const { status, stdout } = await untorn(['adopt', '--json', folder.path, ...given]);
    return { status, ...(JSON.parse(stdout) as Report) };
  }

  /** A report in short: name, version and ways of each package. */
  function inShort({ packages }: Report): string[] {
    return packages.map(({ name, version, dropIn, direct, through }) =>
      [
        `${name} ${version}${dropIn === null ? ', no drop-in' : ''}${direct ? ', direct' : ''}`,
        ...through.map((way) => way.map((one) => `${one.name} ${one.version}`).join(' > ')),
      ].join('; '),
    );
  }

  /** An installed project: packages in one folder, and one in that of the package that needs it. */
  function install(): void {
    manifest('.', { name: 'project', needs: ['settings', 'tester'] });
    manifest('node_modules/settings', { name: 'settings', version: '13.0.0', needs: ['atomically'] });
    manifest('node_modules/atomically', { name: 'atomically', version: '2.0.3' });
    manifest('node_modules/tester', { name: 'tester', version: '29.0.0', needs: ['transform'] });
    manifest('node_modules/transform', { name: 'transform', version: '29.1.0', needs: ['write-file-atomic'] });
    manifest('node_modules/transform/node_modules/write-file-atomic', { name: 'write-file-atomic', version: '4.0.2' });
    manifest('node_modules/write-file-atomic', { name: 'write-file-atomic', version: '1.0.0' });
  }

  it('finds what is installed, says through whom, prints the overrides, and changes nothing', async () => {
    install();
    const { status, stdout, stderr } = await untorn(['adopt'], { cwd: folder.path });
    assert.deepEqual([status, stderr], [9, '']);
    assert.match(stdout, /^atomically 2\.0\.3: .*\n {2}by settings 13\.0\.0\n/);
    assert.match(stdout, /^write-file-atomic 4\.0\.2: .*\n {2}by tester 29\.0\.0 > transform 29\.1\.0\n/m);
    assert.doesNotMatch(stdout, /1\.0\.0/);
    assert.match(stdout, /^ {4}"write-file-atomic": "npm:@untorn\/write-file-atomic@\^8\.0\.0"$/m);
    assert.match(stdout, /^ {2}"atomically": "npm:@untorn\/atomically@\^2\.1\.1"$/m);
    assert.deepEqual(folder.names(), ['node_modules', 'package.json']);
  });

  it('--json prints the same for programs', async () => {
    install();
    const found = await report();
    assert.deepEqual(inShort(found), [
      'atomically 2.0.3; settings 13.0.0',
      'write-file-atomic 4.0.2; tester 29.0.0 > transform 29.1.0',
    ]);
    const blocks = {
      atomically: 'npm:@untorn/atomically@^2.1.1',
      'write-file-atomic': 'npm:@untorn/write-file-atomic@^8.0.0',
    };
    assert.deepEqual(
      [found.status, found.source, found.npm, found.pnpm, found.yarn],
      [9, 'node_modules', { overrides: blocks }, { overrides: blocks }, { resolutions: blocks }],
    );
  });

  it('exits with 0 where nothing is found, also where drop-ins are in place', async () => {
    install();
    manifest('node_modules/atomically', { name: '@untorn/atomically', version: '2.1.1' });
    manifest('node_modules/transform/node_modules/write-file-atomic', { name: '@untorn/write-file-atomic' });
    const { status, stdout } = await untorn(['adopt', folder.path]);
    assert.deepEqual([status, stdout], [0, 'No package in node_modules is known to write files unsafely\n']);
  });

  it('says what no override reaches, and names dependents where only some versions have a drop-in', async () => {
    manifest('.', { needs: ['new-db', 'old-db', 'manager', 'steno'] });
    manifest('node_modules/new-db', { name: 'new-db', version: '7.0.1', needs: ['steno'] });
    manifest('node_modules/steno', { name: 'steno', version: '4.0.2' });
    manifest('node_modules/old-db', { name: 'old-db', version: '1.0.0', needs: ['steno'] });
    manifest('node_modules/old-db/node_modules/steno', { name: 'steno', version: '0.4.4' });
    manifest('node_modules/manager', {
      name: 'manager',
      version: '11.0.0',
      needs: ['links'],
      bundleDependencies: ['links'],
    });
    manifest('node_modules/manager/node_modules/links', {
      name: 'links',
      version: '6.0.0',
      needs: ['write-file-atomic'],
    });
    manifest('node_modules/manager/node_modules/write-file-atomic', { name: 'write-file-atomic', version: '7.0.0' });
    const found = await report();
    assert.deepEqual(inShort(found), [
      'steno 0.4.4, no drop-in; old-db 1.0.0',
      'steno 4.0.2, direct; new-db 7.0.1',
      'write-file-atomic 7.0.0, no drop-in; manager 11.0.0 > links 6.0.0',
    ]);
    const value = 'npm:@untorn/steno@^4.0.2';
    assert.deepEqual(
      [found.npm.overrides, found.pnpm.overrides, found.yarn.resolutions],
      [{ 'new-db@7.0.1': { steno: value } }, { 'new-db@7.0.1>steno': value }, { 'new-db/steno': value }],
    );
    const { stdout } = await untorn(['adopt', folder.path]);
    assert.match(stdout, /^steno 0\.4\.4: this version has another interface/m);
    assert.match(stdout, /^write-file-atomic 7\.0\.0: it came in the archive of another package/m);
    assert.match(stdout, /^ {2}in package\.json$/m);
    assert.match(stdout, /^package\.json itself asks for steno: /m);
  });

  it(
    'follows the links of pnpm and of a workspace, and circles',
    { skip: process.platform === 'win32' && 'Windows needs a right for links' },
    async () => {
      const store = 'node_modules/.pnpm/settings@1.0.0/node_modules';
      manifest('.', { needs: ['settings'] });
      manifest(`${store}/settings`, { name: 'settings', version: '1.0.0', needs: ['atomically', 'settings'] });
      manifest(`${store}/atomically`, { name: 'atomically', version: '2.1.1' });
      symlinkSync('.pnpm/settings@1.0.0/node_modules/settings', folder.at('node_modules/settings'));
      manifest('packages/app', { name: 'app', version: '0.0.1', needs: ['steno'] });
      manifest('packages/app/node_modules/steno', { name: 'steno', version: '4.0.2' });
      symlinkSync('../packages/app', folder.at('node_modules/app'));
      assert.deepEqual(inShort(await report()), ['atomically 2.1.1; settings 1.0.0', 'steno 4.0.2; app 0.0.1']);
    },
  );

  it('looks at all that is installed where there is no package.json', async () => {
    manifest('node_modules/@scope/tool', { name: '@scope/tool', version: '1.0.0', needs: ['steno'] });
    manifest('node_modules/steno', { name: 'steno', version: '4.0.2' });
    assert.deepEqual(inShort(await report()), ['steno 4.0.2, direct; @scope/tool 1.0.0']);
  });

  const project = { dependencies: { db: '^7', old: 'npm:db@1' }, devDependencies: { '@a/tester': '29' } };
  const locks: readonly (readonly [string, string, string])[] = [
    [
      'npm',
      'package-lock.json',
      JSON.stringify({
        lockfileVersion: 3,
        packages: {
          '': project,
          'node_modules/db': { version: '7.0.1', dependencies: { steno: '^4.0.2' } },
          'node_modules/steno': { version: '4.0.2' },
          'node_modules/old': { name: 'db', version: '1.0.0', dependencies: { steno: '^0.4.1' } },
          'node_modules/old/node_modules/steno': { version: '0.4.4' },
          'node_modules/@a/tester': { version: '29.7.0', dependencies: { 'write-file-atomic': '^4.0.2' } },
          'node_modules/write-file-atomic': { version: '4.0.2' },
        },
      }),
    ],
    [
      'yarn 1',
      'yarn.lock',
      `# yarn lockfile v1


"@a/tester@29":
  version "29.7.0"
  dependencies:
    write-file-atomic "^4.0.2"

db@^7:
  version "7.0.1"
  resolved "https://registry.example/db/-/db-7.0.1.tgz#5243"
  dependencies:
    steno "^4.0.2"

"old@npm:db@1":
  version "1.0.0"
  dependencies:
    steno "^0.4.1"

steno@^0.4.1:
  version "0.4.4"

steno@^4.0.0, steno@^4.0.2:
  version "4.0.2"

"write-file-atomic@^3.0.0 || ^4.0.0", write-file-atomic@^4.0.2:
  version "4.0.2"
`,
    ],
    [
      'yarn 4',
      'yarn.lock',
      `__metadata:
  version: 8

"@a/tester@npm:29":
  version: 29.7.0
  resolution: "@a/tester@npm:29.7.0"
  dependencies:
    write-file-atomic: "npm:^4.0.2"
  languageName: node

"db@npm:^7":
  version: 7.0.1
  resolution: "db@npm:7.0.1"
  dependencies:
    steno: "npm:^4.0.2"

"old@npm:db@1":
  version: 1.0.0
  resolution: "db@npm:1.0.0"
  dependencies:
    steno: "npm:^0.4.1"

"project@workspace:.":
  version: 0.0.0-use.local
  resolution: "project@workspace:."
  dependencies:
    "@a/tester": "npm:29"
    db: "npm:^7"
    old: "npm:db@1"

"steno@npm:^0.4.1":
  version: 0.4.4
  resolution: "steno@npm:0.4.4"

"steno@npm:^4.0.0, steno@npm:^4.0.2":
  version: 4.0.2
  resolution: "steno@npm:4.0.2"

"write-file-atomic@npm:^4.0.2":
  version: 4.0.2
  resolution: "write-file-atomic@npm:4.0.2"
`,
    ],
    [
      'pnpm 9',
      'pnpm-lock.yaml',
      `lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      db:
        specifier: ^7
        version: 7.0.1
      old:
        specifier: npm:db@1
        version: db@1.0.0
    devDependencies:
      '@a/tester':
        specifier: '29'
        version: 29.7.0(steno@4.0.2)

packages:

  '@a/tester@29.7.0':
    resolution: {integrity: sha512-5243}

snapshots:

  '@a/tester@29.7.0(steno@4.0.2)':
    dependencies:
      write-file-atomic: 4.0.2

  db@1.0.0:
    dependencies:
      steno: 0.4.4

  db@7.0.1:
    dependencies:
      steno: 4.0.2

  steno@0.4.4: {}

  steno@4.0.2: {}

  write-file-atomic@4.0.2: {}
`,
    ],
    [
      'pnpm 8',
      'pnpm-lock.yaml',
      `lockfileVersion: '6.0'

dependencies:
  db:
    specifier: ^7
    version: 7.0.1
  old:
    specifier: npm:db@1
    version: /db@1.0.0

devDependencies:
  '@a/tester':
    specifier: '29'
    version: 29.7.0

packages:

  /@a/tester@29.7.0:
    dependencies:
      write-file-atomic: 4.0.2
    dev: true

  /db@1.0.0:
    dependencies:
      steno: 0.4.4
    dev: false

  /db@7.0.1:
    dependencies:
      steno: 4.0.2
    dev: false

  /steno@0.4.4:
    resolution: {integrity: sha512-5243}

  /steno@4.0.2:
    resolution: {integrity: sha512-5243}

  /write-file-atomic@4.0.2:
    resolution: {integrity: sha512-5243}
`,
    ],
  ];
  for (const [name, file, text] of locks) {
    it(`reads the lockfile of ${name} where nothing is installed`, async () => {
      writeFileSync(folder.at('package.json'), JSON.stringify(project));
      writeFileSync(folder.at(file), text);
      const found = await report();
      assert.equal(found.source, file);
      assert.deepEqual(inShort(found), [
        'steno 0.4.4, no drop-in; db 1.0.0',
        'steno 4.0.2; db 7.0.1',
        'write-file-atomic 4.0.2; @a/tester 29.7.0',
      ]);
    });
  }

  it('says what it cannot read', async () => {
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ['package-lock.json', '{', /package-lock\.json": .*JSON/],
      ['package-lock.json', '{ "lockfileVersion": 1, "dependencies": {} }', /it is of npm 6 or earlier/],
    ];
    for (const [file, text, expected] of cases) {
      writeFileSync(folder.at(file), text);
      const { status, stdout, stderr } = await untorn(['adopt', folder.path]);
      assert.deepEqual([status, stdout], [1, '']);
      assert.match(stderr, expected);
    }
    const missing = await untorn(['adopt', folder.at('none')]);
    assert.deepEqual([missing.status, missing.stdout], [1, '']);
    assert.match(missing.stderr, /There is neither node_modules nor a lockfile in ".*none"\n$/);
    assert.equal((await untorn(['adopt', dirname(folder.path), folder.path])).status, 2);
  });

  it('prints no control character of a name', async () => {
    manifest('.', { needs: ['odd'] });
    manifest('node_modules/odd', { name: 'o\u001bdd', version: '1', needs: ['steno'] });
    manifest('node_modules/steno', { name: 'steno', version: '4.0.2' });
    const { stdout } = await untorn(['adopt', folder.path]);
    assert.match(stdout, /^ {2}by o\\u001bdd 1$/m);
  });
});
