// Looks at the built site in a browser, with no network but a server of build/site: `npm run docs -- --check`.
// Every page at the width of a telephone and of a desk: nothing is wider than the window, no error is in the console, and
// nothing is asked of another host. Every link to a part of a page leads to one. The search finds five words. Plots can
// be read in both themes.
import { spawnSync } from 'node:child_process';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { chromium } from '../docs/node_modules/playwright-core/index.mjs';

const site = join('build', 'site');
const widths = [1280, 390];
/** What is looked for, and a page that has to be found. */
const searches = [
  ['ENOSPC', '/project/readme.html'],
  ['ERR_LOCK_TIMEOUT', '/errors.html'],
  ['ConfigMap', '/guides/containers.html'],
  ['fake timers', '/guides/testing.html'],
  ['updateJson', '/reference/untorn/functions/updateJson.html'],
];
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

const problems = [];
const complain = (page, text) => problems.push(`${page}: ${text}`);
const pages = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));

/** The program of a browser, as it is called on the systems that have one. */
function browser() {
  if (process.env.CHROMIUM !== undefined) return process.env.CHROMIUM;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    if (status === 0) return stdout.trim();
  }
  return undefined;
}

function anchors() {
  const ids = new Map();
  const texts = new Map(pages.map((name) => [name, readFileSync(join(site, name), 'utf8')]));
  for (const [name, text] of texts) ids.set(name, new Set([...text.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)));
  for (const [name, text] of texts) {
    for (const [, href] of text.matchAll(/<a [^>]*href="([^"]+)"/g)) {
      if (/^[a-z]+:/.test(href)) continue;
      const { pathname, hash } = new URL(href, `http://site/${name}`);
      const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
      const target = decodeURIComponent(path.slice(1));
      if (!existsSync(join(site, target))) complain(name, `links to ${href}, which does not exist`);
      else if (
        hash !== '' &&
        target.endsWith('.html') &&
        ids.get(target)?.has(decodeURIComponent(hash.slice(1))) !== true
      )
        complain(name, `links to ${href}, and ${target} has no such part`);
    }
  }
}

function serve() {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://site').pathname);
    // A browser asks for it by itself, when it is shown a plot.
    if (path === '/favicon.ico') return response.writeHead(204).end();
    const file = join(site, path.endsWith('/') ? `${path}index.html` : path);
    if (!existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' });
    return createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** A page of the browser that complains of errors in its console, and of requests to others. */
async function open(context, origin) {
  const page = await context.newPage();
  const at = () => page.url().slice(origin.length);
  page.on('console', (message) => message.type() === 'error' && complain(at(), `console: ${message.text()}`));
  page.on('pageerror', (error) => complain(at(), `error: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
      complain(at(), `asks for ${request.url()}`);
  });
  return page;
}

async function looks(context, origin) {
  const left = pages.filter((name) => name !== '404.html');
  const worker = async () => {
    const page = await open(context, origin);
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      await page.setViewportSize({ width: widths[0], height: 900 });
      await page.goto(`${origin}/${name}`, { waitUntil: 'load' });
      await page.waitForFunction(`document.querySelector('#app')?.__vue_app__ !== undefined`);
      for (const width of widths) {
        await page.setViewportSize({ width, height: 900 });
        const { wide, widest } = await page.evaluate(overflow);
        if (wide > width) complain(name, `is ${wide} wide at a width of ${width}: ${widest}`);
      }
      const broken = await page.evaluate(() =>
        [...document.images].filter((image) => image.complete && image.naturalWidth === 0).map((image) => image.src),
      );
      for (const source of broken) complain(name, `shows no image for ${source}`);
    }
    await page.close();
  };
  await Promise.all([worker(), worker(), worker()]);
}

/** Runs in the page. */
function overflow() {
  const wide = document.documentElement.scrollWidth;
  const out = [...document.querySelectorAll('.VPContent *')].find(
    (element) => element.getBoundingClientRect().right > innerWidth + 1 && element.closest('table, pre') === null,
  );
  return { wide, widest: out?.outerHTML.slice(0, 120) ?? '' };
}

async function search(context, origin) {
  const page = await open(context, origin);
  await page.setViewportSize({ width: widths[0], height: 900 });
  await page.goto(`${origin}/errors.html`);
  for (const [word, expected] of searches) {
    await page.locator('#local-search button').click();
    await page.locator('#localsearch-input').fill(word);
    const found = page.locator(`.VPLocalSearchBox .results a[href*="${expected}"]`).first();
    try {
      await found.waitFor({ timeout: 10_000 });
    } catch {
      const hits = await page.locator('.VPLocalSearchBox .results a').evaluateAll((all) => all.map((one) => one.href));
      complain('search', `"${word}" does not find ${expected}, but ${hits.slice(0, 5).join(' ') || 'nothing'}`);
    }
    await page.keyboard.press('Escape');
  }
  await page.close();
}

/** Both themes: text stands out from what is behind it, on pages and in plots. */
async function themes(context, origin) {
  const page = await open(context, origin);
  for (const [name, selector] of [['guarantees.html', '.vp-doc p'], ...plots().map((plot) => [plot, 'text'])]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.goto(`${origin}/${name}`);
      const [text, behind] = await page.evaluate((wanted) => {
        const element = document.querySelector(wanted);
        const box = element.ownerSVGElement?.querySelector('rect');
        const colours = [
          getComputedStyle(element)[box === null || box === undefined ? 'color' : 'fill'],
          box === null || box === undefined
            ? getComputedStyle(document.body).backgroundColor
            : getComputedStyle(box).fill,
        ];
        return colours.map((colour) => {
          const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
          return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        });
      }, selector);
      const readable = colorScheme === 'light' ? behind - text : text - behind;
      if (!(readable > 120)) complain(name, `cannot be read in the ${colorScheme} theme (${text} on ${behind})`);
    }
  }
  await page.close();
}

function plots() {
  return readdirSync(join(site, 'assets'))
    .filter((name) => name.endsWith('.svg'))
    .map((name) => `assets/${name}`);
}

anchors();
const program = browser();
if (program === undefined) {
  console.error('No browser: install chromium, or name one in CHROMIUM. Only the links were checked.');
  if (process.env.CI !== undefined) process.exitCode = 1;
} else {
  const server = await serve();
  const origin = `http://127.0.0.1:${server.address().port}`;
  const running = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
  try {
    const context = await running.newContext();
    await looks(context, origin);
    await search(context, origin);
    await themes(context, origin);
  } finally {
    await running.close();
    server.closeAllConnections();
    server.close();
  }
}
for (const problem of problems) console.error(problem);
console.log(`${pages.length} pages, ${problems.length} problems`);
if (problems.length > 0) process.exitCode = 1;
