/**
 * Where each function of the finished package comes from: which file of `src`. The benchmark shows by it what a function
 * of a profile is for. It is no part of the package.
 */
import { SourceMap } from 'node:module';
import { relative, resolve } from 'node:path';
import { parseAst } from 'rollup/parseAst';

const source = resolve('build/src');

/**
 * The functions of one file of the package, in the order of their text: where each begins and ends, and its file.
 * `minified` is what the map is of; `finished` has the same functions in the same order.
 *
 * @returns {[start: number, end: number, file: string][]}
 */
export function placesOf(minified, finished, map) {
  const before = functionsOf(minified);
  const sources = new SourceMap(map);
  return functionsOf(finished).map(({ start, end }, index) => [
    start,
    end,
    fileOf(sources, positionOf(minified, before[index].start)),
  ]);
}

function functionsOf(code) {
  const found = [];
  const visit = (node) => {
    if (/^(?:Arrow)?Function/.test(node.type ?? '')) found.push({ start: node.start, end: node.end });
    for (const part of Object.values(node)) if (typeof part === 'object' && part !== null) visit(part);
  };
  visit(parseAst(code, { allowReturnOutsideFunction: true }));
  return found.toSorted((a, b) => a.start - b.start);
}

function positionOf(code, offset) {
  const lines = code.slice(0, offset).split('\n');
  return [lines.length - 1, lines.at(-1).length];
}

/** As `src` has it; `unknown` where the map says nothing. */
function fileOf(sources, [line, column]) {
  const { originalSource } = sources.findEntry(line, column);
  if (originalSource === undefined) return 'unknown';
  const path = resolve('dist', originalSource);
  const inside = relative(source, path).replaceAll('\\', '/');
  return inside.startsWith('..')
    ? (/node_modules\/.*/.exec(path.replaceAll('\\', '/'))?.[0] ?? 'unknown')
    : inside.replace(/\.js$/, '.ts');
}
