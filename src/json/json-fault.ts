/**
 * The place where text stops being JSON (RFC 8259): `JSON.parse` reports it only sometimes, and shows a part of the
 * content.
 */

const space = /[ \t\r\n]*/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const escape = /\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})/y;

/** The index of the first wrong character; the length of the text, if that ends too early. */
export function firstFault(text: string): number {
  /** The brackets that are open. */
  const open: string[] = [];
  let at = 0;
  let wanted: 'value' | 'value or end' | 'key' | 'key or end' | 'after' = 'value';
  for (;;) {
    at = after(space, text, at) ?? at;
    const char = text[at] ?? '';
    if (wanted === 'after') {
      const inside = open.at(-1);
      if (inside === undefined) return at;
      if (char === ',') wanted = inside === '{' ? 'key' : 'value';
      else if (char === closing[inside]) open.pop();
      else return at;
      at++;
    } else if (wanted.endsWith('end') && char === closing[open.at(-1) ?? '']) {
      open.pop();
      wanted = 'after';
      at++;
    } else if (wanted.startsWith('key')) {
      const key = endOfString(text, at);
      if (key.fault) return key.at;
      at = after(space, text, key.at) ?? key.at;
      if (text[at] !== ':') return at;
      wanted = 'value';
      at++;
    } else if (char === '{' || char === '[') {
      open.push(char);
      wanted = char === '{' ? 'key or end' : 'value or end';
      at++;
    } else {
      const value = char === '"' ? endOfString(text, at) : { at: after(scalar, text, at) ?? at, fault: false };
      if (value.fault || value.at === at) return faultyWord(text, value.at);
      at = value.at;
      wanted = 'after';
    }
  }
}

const closing: Record<string, string> = { '{': '}', '[': ']' };

/** A word such as `nul` is wrong where it stops being `null`. */
function faultyWord(text: string, at: number): number {
  const word = ['true', 'false', 'null'].find((name) => name[0] === text[at]) ?? '';
  let same = 0;
  while (same < word.length && text[at + same] === word[same]) same++;
  return at + same;
}

function endOfString(text: string, start: number): { at: number; fault: boolean } {
  if (text[start] !== '"') return { at: start, fault: true };
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '"') return { at: at + 1, fault: false };
    if (char < ' ') return { at, fault: true };
    if (char !== '\\') continue;
    const end = after(escape, text, at);
    if (end === undefined) return { at, fault: true };
    at = end - 1;
  }
  return { at: text.length, fault: true };
}

/** The end of a match that begins here. */
function after(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
