// The site of the documents: `npm run docs`, which is scripts/docs.js, makes the pages in reference/ and project/ first.
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectPages } from './project-pages.js';

const docs = fileURLToPath(new URL('..', import.meta.url));
const repository = fileURLToPath(new URL('../..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${repository}/package.json`, 'utf8'));

const page = (text, link) => ({ text, link });

/** The groups of pages. */
const guides = [
  page('Choosing a durability', '/guides/durability'),
  page('Configuration files', '/guides/configuration'),
  page('Many processes', '/guides/processes'),
  page('Containers and Kubernetes', '/guides/containers'),
  page('Electron, VS Code, bundlers', '/guides/applications'),
  page('Testing', '/guides/testing'),
  page('Coming from another package', '/guides/migrating'),
  page('Scripts and pipelines', '/guides/scripts'),
];
const using = [
  page('Introduction', '/project/readme'),
  page('Functions', '/functions'),
  page('Options', '/options'),
  page('Errors', '/errors'),
  page('Recipes', '/recipes'),
  page('Copy, rename, append, lock', '/verbs'),
  page('Other formats', '/formats'),
  page('Stores', '/stores'),
  page('Drop-ins', '/drop-ins'),
  page('The doctor', '/doctor'),
  page('Reference', '/reference/'),
];
const reasons = [
  page('How it works', '/how-it-works'),
  page('Guarantees', '/guarantees'),
  page('Locks', '/locks'),
  page('Filesystems', '/filesystems'),
  page('Evidence', '/evidence'),
  page('Comparison', '/comparison'),
  page('Performance', '/performance'),
];
const project = [page('Stability', '/stability'), ...projectPages.slice(1).map(({ title, name }) => page(title, `/project/${name}`))];

/** Types are not in it: they are reached from the functions, and a list of all would be in each of their pages. */
function reference() {
  const sidebar = `${docs}/reference/typedoc-sidebar.json`;
  if (!existsSync(sidebar)) return [];
  const known = ({ text }) => text !== 'Interfaces' && text !== 'Type Aliases';
  const group = ({ text, link, items }) => ({ text, link, collapsed: false, items: (items ?? []).filter(known).map(group) });
  const modules = JSON.parse(readFileSync(sidebar, 'utf8'));
  return modules.map(group);
}

/**
 * Links that leave docs/. Pages of the repository that the site has too lead there; what only the repository has, as
 * tests, is named and not linked.
 */
function links(markdown) {
  markdown.core.ruler.push('repository-links', ({ tokens, env }) => {
    for (const { children } of tokens) {
      const open = [];
      for (const token of children ?? []) {
        if (token.type === 'link_open') {
          open.push(token);
          follow(token, env.relativePath ?? '');
        } else if (token.type === 'link_close' && open.pop()?.tag === 'span') token.tag = 'span';
      }
    }
  });
}

function follow(token, from) {
  const href = token.attrGet('href') ?? '';
  if (/^(?:[a-z]+:|#|\/)/.test(href)) return;
  const [path, hash] = href.split('#');
  const target = posix.join('docs', posix.dirname(from), path);
  const onSite = projectPages.find(({ file }) => file === target);
  if (onSite !== undefined) token.attrSet('href', `/project/${onSite.name}.md${hash === undefined ? '' : `#${hash}`}`);
  else if (!target.startsWith('docs/') || !target.endsWith('.md')) {
    if (!existsSync(`${repository}/${target}`)) throw new Error(`${from} links to ${href}, which does not exist`);
    token.tag = 'span';
    token.attrs = [
      ['class', 'in-repository'],
      ['title', `${target}, in the repository`],
    ];
  }
}

export default {
  title: 'untorn',
  description: 'Replaces a file so that every reader and every crash finds the whole old or the whole new content.',
  outDir: '../build/site',
  cacheDir: '../build/site-cache',
  base: process.env.UNTORN_DOCS_BASE ?? '/',
  cleanUrls: false,
  metaChunk: true,
  router: { prefetchLinks: false },
  vite: { build: { assetsInlineLimit: 0, chunkSizeWarningLimit: 2000 } },
  srcExclude: ['node_modules/**', 'README.md'],
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: { config: links },
  themeConfig: {
    search: { provider: 'local', options: { detailedView: true } },
    outline: [2, 3],
    nav: [page('Guides', '/guides/'), page('Functions', '/functions'), page('Errors', '/errors'), page(version, '/project/changelog')],
    // That of the reference is long, and would be in every page.
    sidebar: {
      '/reference/': [page('All pages', '/'), ...reference()],
      '/': [
        { text: 'Using it', items: using },
        { text: 'Guides', items: guides },
        { text: 'Why it holds', items: reasons },
        { text: 'Project', items: project },
      ],
    },
  },
};
