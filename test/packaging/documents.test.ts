/**
 * Every code block of every document is compiled and run, and every link leads somewhere.
 *
 * A word after the language of a block says what is done with it instead: `not-run` checks its syntax only, as of a
 * program that needs another one; `jest` and `vitest` are run by test/hosts. A block without a language is an output.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { transformSync } from 'esbuild';
import * as untorn from 'untorn';
import { parse as parseYaml } from 'yaml';

const root = process.cwd();
const generated = ['docs/reference', 'docs/project'];

/** All documents of the repository. */
const documents = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...under('.github'),
  ...under('docs').filter((path) => !generated.some((folder) => path.startsWith(`${folder}/`))),
  ...under('test'),
  ...under('examples'),
];

function under(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name.startsWith('.') ? [] : under(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

interface Block {
  readonly where: string;
  readonly language: string;
  readonly mark: string;
  readonly code: string;
  /** The imports of earlier blocks of its page. */
  readonly imports: readonly string[];
}

function blocksIn(path: string): Block[] {
  const text = readFileSync(path, 'utf8');
  const imports: string[] = [];
  return [...text.matchAll(/^( *)```(\w+)(?: ([^\n]*))?\n(.*?)^ *```$/gms)].map(
    ({ 1: indent = '', 2: language = '', 3: mark = '', 4: body = '', index }) => {
      const code = body.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
      const line = text.slice(0, index).split('\n').length;
      const block = { where: `${path}:${line}`, language, mark, code, imports: [...imports] };
      imports.push(...importsIn(code));
      return block;
    },
  );
}

const importsIn = (code: string): string[] => code.match(/^import [^;]*;/gm) ?? [];

const blocks = documents.flatMap(blocksIn);
const of = (...languages: string[]): Block[] => blocks.filter(({ language }) => languages.includes(language));

/** What the examples find in their folders. */
const scene: Readonly<Record<string, string>> = {
  'settings.json': '{}\n',
  'app.log': 'started\n',
  'list': 'b\na\nb\n',
  'new-a.json': '{}\n',
  'new.conf': 'verbose=yes\n',
  'page.md': '# page\n',
  'message.txt': 'old\n',
  'new-sessions.json': '[]\n',
  'today.log': 'started\n',
  'active.json': '{}\n',
  'main.js': `import 'untorn';\n`,
  'out/kept': '',
  'state/kept': '',
  'data/kept': '',
};
/** The programs that are called in examples of the command. */
const programs: Readonly<Record<string, string>> = {
  'untorn': `exec '${process.execPath}' '${join(root, 'dist', 'cli', 'main.cjs')}' "$@"`,
  'make-report': 'echo total 42',
  'make-cache': 'echo cache > cache',
  'make-list': 'echo new',
  // It would install and remove packages beside the examples.
  'npm': 'exit 1',
  'npx': 'exit 1',
};
/** What an example may have that is neither of the package nor declared in it. */
const around = [
  `import { createReadStream } from 'node:fs';`,
  `import { pipeline } from 'node:stream/promises';`,
  `const json = '{}';`,
];

function uses(code: string, name: string): boolean {
  return new RegExp(`(?<![.\\w'"])${name}\\b`).test(code);
}

/** The names that a statement of import or const gives. */
function given(statement: string): string[] {
  const [, names = ''] = /^(?:import (?:type )?|const )([^]*?)(?: from | = )/.exec(statement) ?? [];
  return names.split(/[{},]/).flatMap(
    (name) =>
      name
        .trim()
        .replace(/^type /, '')
        .split(' as ')
        .at(-1) || [],
  );
}

/** An example with the imports that it leaves out: as an earlier block has them, else from the package. */
function completed({ code, imports }: Block): string {
  const own = importsIn(code).flatMap(given);
  const isMissing = (name: string): boolean =>
    uses(code, name) && !own.includes(name) && !new RegExp(`(?:const|let|using|function) ${name}\\b`).test(code);
  const before = [...imports, ...around].flatMap((statement) => {
    const names = given(statement).filter(isMissing);
    own.push(...names);
    return names.length === 0 ? [] : statement;
  });
  const names = Object.keys(untorn).filter(isMissing);
  return `${before.join('\n')}\nimport { ${names.join(', ')} } from 'untorn';\n${code}export {};\n`;
}

/** The part of a page that a heading begins, in the manner of GitHub. */
function anchors(path: string): string[] {
  const text = readFileSync(path, 'utf8').replaceAll(/^```.*?^```$/gms, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Why a link leads nowhere, if so. */
function fault(from: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? from : join(dirname(from), path);
  if (!existsSync(target)) return `${from} links to ${link}`;
  if (anchor === undefined || statSync(target).isDirectory() || anchors(target).includes(anchor)) return undefined;
  return `${from} links to ${link}, and there is no such part`;
}

describe('the documents', () => {
  let project: string;
  before(() => {
    project = mkdtempSync(join(tmpdir(), 'untorn-documents-'));
    for (const name of ['untorn', '@types/node', 'esbuild', 'jsonc-parser', 'yaml', 'ini', '@decimalturn/toml-patch']) {
      mkdirSync(dirname(join(project, 'node_modules', name)), { recursive: true });
      symlinkSync(name === 'untorn' ? root : join(root, 'node_modules', name), join(project, 'node_modules', name));
    }
    mkdirSync(join(project, 'bin'));
    for (const [name, line] of Object.entries(programs)) {
      writeFileSync(join(project, 'bin', name), `#!/bin/sh\n${line}\n`);
      chmodSync(join(project, 'bin', name), 0o755);
    }
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  const newScene = (): string => {
    const folder = mkdtempSync(join(project, 'run-'));
    for (const [name, content] of Object.entries(scene)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    return folder;
  };

  it('mark their blocks only with languages and words that are known', () => {
    const languages = new Set(['ts', 'js', 'sh', 'json', 'yaml', 'make']);
    const marks = new Set(['', 'not-run', 'jest', 'vitest']);
    const strange = blocks.filter(({ language, mark }) => !languages.has(language) || !marks.has(mark));
    assert.deepEqual(
      strange.map(({ where, language, mark }) => `${where}: ${language} ${mark}`),
      [],
    );
    assert.ok(blocks.length > 30, `${blocks.length} blocks`);
  });

  it('have examples in TypeScript that compile, and run', () => {
    const sources = of('ts').filter(({ mark }) => mark === '');
    assert.ok(sources.length > 12, `${sources.length} examples`);
    for (const [index, block] of sources.entries()) {
      writeFileSync(join(project, `example-${index}.mts`), completed(block));
    }
    const options = {
      outDir: 'emitted',
      strict: true,
      target: 'es2022',
      lib: ['es2022', 'dom', 'esnext.disposable'],
      types: ['node'],
      module: 'nodenext',
      skipLibCheck: true,
    };
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, include: ['example-*.mts'] }),
    );
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', '.'], { cwd: project, encoding: 'utf8' });
    const named = stdout.replaceAll(
      /example-(\d+)\.mts/g,
      (name, index) => `${name} (${sources[Number(index)]?.where})`,
    );
    assert.equal(status, 0, named);
    for (const [index, { where }] of sources.entries())
      succeeds(where, process.execPath, [join('..', 'emitted', `example-${index}.mjs`)], newScene());
  });

  it('have examples in JavaScript that run', () => {
    for (const { where, code } of of('js').filter(({ mark }) => mark === '')) {
      const folder = newScene();
      const name = code.includes('require(') ? 'example.cjs' : 'example.mjs';
      writeFileSync(join(folder, name), code);
      succeeds(where, process.execPath, [name], folder);
    }
  });

  it('have no fault of syntax in examples that are not run', () => {
    for (const { where, language, code } of blocks.filter(({ mark }) => mark !== '')) {
      if (language === 'ts' || language === 'js') {
        const whole = code.includes('import ') ? code : `async () => {\n${code}}`;
        assert.doesNotThrow(() => transformSync(whole, { loader: language }), where);
      }
      if (language === 'sh') succeeds(where, 'bash', ['-n', '-c', code], project);
    }
  });

  it('have JSON and YAML that can be parsed', () => {
    for (const { where, code } of of('json')) assert.doesNotThrow(() => JSON.parse(code) as unknown, where);
    for (const { where, code } of of('yaml'))
      for (const one of code.split(/^---$/m)) assert.doesNotThrow(() => parseYaml(one) as unknown, where);
  });

  it('have commands that succeed', () => {
    // Of the doctor an exit status above 2 tells what it has found; of a command that fails on purpose the line says it.
    const script = (code: string): string => `
      trap 'status=$?; case "$BASH_COMMAND" in untorn\\ doctor*) (( status > 2 )) && true || exit 99;; *) exit $status;; esac' ERR
      ${code}`;
    for (const { where, code } of of('sh').filter(({ mark }) => mark === ''))
      succeeds(where, 'bash', ['-c', script(code)], newScene());
  });

  function succeeds(where: string, command: string, args: string[], cwd: string): void {
    const env = { ...process.env, PATH: `${join(project, 'bin')}${delimiter}${process.env['PATH']}` };
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd,
      env: { ...env, NODE_TEST_CONTEXT: undefined },
      encoding: 'utf8',
      input: '',
      timeout: 60_000,
    });
    assert.equal(status, 0, `${where} failed: ${stdout}${stderr}`);
  }

  it('name only npm scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const named = documents.flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/npm run ([\w:-]+\w)/g)].map(([, name = '']) => ({ path, name })),
    );
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter(({ name }) => scripts[name] === undefined),
      [],
    );
  });

  it('have links that lead somewhere', () => {
    const links = documents.flatMap((path) => {
      const text = readFileSync(path, 'utf8').replaceAll(/^```.*?^```$/gms, '');
      // The names of documents between backticks are for readers of the package, which does not have them.
      const named = [...text.matchAll(/`((?:docs\/)[\w/-]+\.md)`/g)].map(([, link = '']) =>
        relative(dirname(path), link),
      );
      const linked = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
      // The site's own links begin at docs/.
      const site = [...text.matchAll(/link: '?(\/[^\s'}]+)/g)].map(([, link = '']) => link);
      return [...named, ...linked, ...site].filter((link) => !/^[a-z]+:/.test(link)).map((link) => ({ path, link }));
    });
    assert.ok(links.length > 80, `${links.length} links`);
    const faults = links.map(({ path, link }) => (link.startsWith('/') ? undefined : fault(path, link)));
    assert.deepEqual(
      faults.filter((one) => one !== undefined),
      [],
    );
  });

  it('are there where a comment of the sources sends to', () => {
    const sources = execFileSync('git', ['ls-files', 'src'], { encoding: 'utf8' }).trim().split('\n');
    const links = sources.flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/docs\/[\w/-]+\.md(?:#[\w-]+)?/g)].map(([link]) => ({
        from: path,
        link: relative(dirname(path), link),
      })),
    );
    assert.ok(links.length > 10, `${links.length} links`);
    assert.deepEqual(
      links.map(({ from, link }) => fault(from, link)).filter((one) => one !== undefined),
      [],
    );
  });

  it('are in the menu of the site', () => {
    const menu = readFileSync(join('docs', '.vitepress', 'config.js'), 'utf8');
    const pages = documents.flatMap((path) => /^docs(\/.*?)(?:index)?\.md$/.exec(path)?.[1] ?? []);
    assert.ok(pages.length > 20, `${pages.length} pages`);
    assert.deepEqual(
      pages.filter((page) => page !== '/' && !menu.includes(`'${page}'`)),
      [],
    );
  });

  it('are short where a reader begins', () => {
    const lines = readFileSync('README.md', 'utf8').trimEnd().split('\n').length;
    assert.ok(lines <= 220, `${lines} lines in README.md`);
  });
});

/** Whether the comment of a synchronous function leads to the asynchronous one. */
function twin(comment: string, name: string): boolean {
  return name.endsWith('Sync') && comment.includes(`{@link ${name.slice(0, -4)}}`);
}

describe('the doc comments', () => {
  const types = readFileSync(join('dist', 'index.d.cts'), 'utf8');

  it('of every function say where more is said', () => {
    const silent = [...types.matchAll(/^\/\*\*((?:(?!\*\/)[^])*)\*\/\n(?:declare |export )*function (\w+)/gm)]
      .filter(([, comment = '', name = '']) => !comment.includes('docs/') && !twin(comment, name))
      .map(([, , name]) => name);
    assert.deepEqual(silent, []);
  });

  it('of every option say its default', () => {
    const silent = [
      ...types.matchAll(/^(?:declare |export )*interface (\w*(?:Options|Preserve)\w*)[^{]*\{\n(.*?)^\}/gms),
    ].flatMap(([, name, body = '']) =>
      [...body.matchAll(/(?:^\t\/\*\*((?:(?!\*\/)[^])*)\*\/\n)?^\t(?:readonly )?(\w+)\?: /gm)]
        .filter(([, comment = '']) => !comment.includes('@default'))
        .map(([, , option]) => `${name}.${option}`),
    );
    assert.deepEqual(silent, []);
  });
});
