// Builds the site from docs/ into build/site: `npm run docs`.
//   --check      then looks at every page in a browser (scripts/docs-check.js)
//   --open       then serves it at http://localhost:4173, until Ctrl-C
// UNTORN_DOCS_BASE is the path under which a server has it, if that is not /.
// Its tools are in docs/package.json, so that `npm ci` of the package does not install them; they are installed here.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseArgs } from 'node:util';
import { projectPages } from '../docs/.vitepress/project-pages.js';

const { values: options } = parseArgs({
  options: { check: { type: 'boolean', default: false }, open: { type: 'boolean', default: false } },
});

function run(command, args, cwd = 'docs') {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const tool = (...path) => join('node_modules', ...path);

/** The tools of the lockfile, unless they are there. */
function install() {
  const installed = join('docs', 'node_modules', '.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs > statSync(join('docs', 'package-lock.json')).mtimeMs)
    return;
  run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts']);
}

/** The reference, from the doc comments of the sources. */
function reference() {
  rmSync(join('docs', 'reference'), { recursive: true, force: true });
  run(process.execPath, [tool('typedoc', 'bin', 'typedoc'), '--options', 'typedoc.json', '--logLevel', 'Warn']);
  // The comments name the documents by their paths in the repository; what is not of this package has no page.
  const pages = readdirSync(join('docs', 'reference'), { recursive: true, encoding: 'utf8' });
  for (const name of pages.filter((path) => path.endsWith('.md'))) {
    const path = join('docs', 'reference', name);
    const linked = ([named, page, part = '']) => `[${named}](/${page}.md${part})`;
    const text = readFileSync(path, 'utf8').replaceAll(/\[([^\]]+)\]\(#\)/g, '$1');
    writeFileSync(
      path,
      text.replaceAll(/\bdocs\/([\w/-]+)\.md(#[\w-]+)?/g, (...found) => linked(found)),
    );
  }
}

/** The documents at the top of the repository, with links that lead to the same places from docs/project. */
function project() {
  const folder = join('docs', 'project');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const { file, name } of projectPages) {
    const text = readFileSync(file, 'utf8')
      .replaceAll(
        /`(docs\/[\w/-]+\.md|[A-Z]+\.md)`/g,
        (_, path) => `[${posix.basename(path, '.md').toLowerCase()}](${path})`,
      )
      .replaceAll(/\]\((?![a-z]+:|#)([^)]+)\)/g, (_, path) => `](${posix.relative('docs/project', path)})`);
    writeFileSync(join(folder, `${name}.md`), text);
  }
}

install();
reference();
project();
run(process.execPath, [tool('vitepress', 'bin', 'vitepress.js'), 'build']);
if (options.check) run(process.execPath, [join('scripts', 'docs-check.js')], '.');
if (options.open) run(process.execPath, [tool('vitepress', 'bin', 'vitepress.js'), 'preview']);
