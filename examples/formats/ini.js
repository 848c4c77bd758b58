/**
 * INI, by `ini`, which keeps no comments: so the lines of the old text stay, and only those are changed whose value is
 * another one. All values are strings, `true`, `false`, `null` or arrays of those.
 */
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify } from 'ini';

export const ini = {
  parse: (text) => parse(text),
  stringify(value, previous = '') {
    const fresh = stringify(value);
    const wanted = sections(fresh);
    const kept = sections(previous)
      .filter(({ name }) => name === '' || wanted.some((section) => section.name === name))
      .flatMap(({ name, header, lines }) => [
        ...header,
        ...merged(lines, wanted.find((section) => section.name === name)?.lines ?? []),
      ]);
    const names = new Set(sections(previous).map(({ name }) => name));
    const added = wanted.filter(({ name }) => !names.has(name)).flatMap(({ header, lines }) => [...header, ...lines]);
    const text = [...kept, ...added, ''].join('\n');
    // The comments are worth less than the value.
    const whole = isDeepStrictEqual(parse(text), parse(fresh)) ? text : fresh;
    return previous.includes('\r\n') ? whole.replaceAll('\n', '\r\n') : whole;
  },
};

/** The lines of each section, without the empty end; the first has no header. */
function sections(text) {
  const found = [{ name: '', header: [], lines: [] }];
  for (const line of text.replace(/(\r?\n)+$/, '').split(/\r?\n/)) {
    const name = /^\s*\[([^\]]*)\]\s*$/.exec(line)?.[1];
    if (name === undefined) found.at(-1).lines.push(line);
    else found.push({ name, header: [line], lines: [] });
  }
  return found.filter(({ name, lines }) => name !== '' || lines.join('') !== '');
}

/** The old lines with the new values: comments stay, also lines with the same value. New keys follow. */
function merged(old, lines) {
  const left = lines.filter((line) => line.trim() !== '');
  const kept = old.flatMap((line) => {
    if (keyOf(line) === undefined) return [line];
    const at = left.findIndex((other) => keyOf(other) === keyOf(line));
    if (at === -1) return [];
    const [fresh] = left.splice(at, 1);
    return [isDeepStrictEqual(parse(line), parse(fresh)) ? line : fresh];
  });
  const end = kept.findLastIndex((line) => line.trim() !== '') + 1;
  return [...kept.slice(0, end), ...left, ...kept.slice(end)];
}

/** Undefined for comments and blank lines. */
function keyOf(line) {
  return /^\s*(?:[;#]|$)/.test(line) ? undefined : line.split('=')[0].trim();
}
