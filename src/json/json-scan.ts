/** Parts of a JSON text that its value does not hold: the form of its numbers, and duplicate keys. */

/** An object or array that has such numbers, or contains one that has. */
export interface Node {
  readonly children: Map<string, Node>;
  /** By the key or index. */
  readonly numbers: Map<string, Literal>;
  /** The number of elements of an array. */
  size: number;
}

/** A number as it is written. */
export interface Literal {
  readonly text: string;
  /** Its index in the text. */
  readonly at: number;
}

/** Receives the parts of a text. */
export interface Listener {
  /** A number, at a key or index of the innermost object or array. */
  number?(literal: Literal, scan: Scan): void;
  /** A key that this object has already. */
  repeated?(at: number, scan: Scan): void;
}

interface Level {
  readonly isArray: boolean;
  /** The key of the value being read. */
  key: string;
  count: number;
  readonly keys: Set<string> | undefined;
  node: Node | undefined;
}

const number = /-?\d[\d.eE+-]*/y;

/** Goes through a text that is JSON. */
export class Scan {
  readonly #text: string;
  readonly #listener: Listener;
  /** The outermost level has one value, with the key ''. */
  readonly #levels: Level[] = [{ isArray: false, key: '', count: 0, keys: undefined, node: undefined }];

  constructor(text: string, listener: Listener) {
    this.#text = text;
    this.#listener = listener;
  }

  /** The node of the outermost level, if one was asked for. */
  run(): Node | undefined {
    const text = this.#text;
    let isKey = false;
    for (let at = 0; at < text.length; at++) {
      const level = this.#levels.at(-1) as Level;
      const char = text[at] as string;
      if (char === '"') {
        const end = closingQuote(text, at);
        if (isKey) this.#key(level, at, end + 1);
        isKey = false;
        at = end;
      } else if (char === '{' || char === '[') {
        const isArray = char === '[';
        this.#levels.push({
          isArray,
          key: '0',
          count: 0,
          keys: isArray || this.#listener.repeated === undefined ? undefined : new Set(),
          node: undefined,
        });
        isKey = !isArray;
      } else if (char === '}' || char === ']') {
        if (level.node !== undefined) level.node.size = level.count + 1;
        this.#levels.pop();
        isKey = false;
      } else if (char === ',') {
        level.count++;
        if (level.isArray) level.key = String(level.count);
        isKey = !level.isArray;
      } else if (char === '-' || (char >= '0' && char <= '9')) {
        number.lastIndex = at;
        const found = (number.exec(text) as RegExpExecArray)[0];
        this.#listener.number?.({ text: found, at }, this);
        at += found.length - 1;
      }
    }
    return this.#levels[0]?.node;
  }

  #key(level: Level, start: number, end: number): void {
    const quoted = this.#text.slice(start, end);
    level.key = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
    if (level.keys?.has(level.key) === true) this.#listener.repeated?.(start, this);
    level.keys?.add(level.key);
  }

  /** The node of the object or array being read. */
  node(): Node {
    let above: Level | undefined;
    for (const level of this.#levels) {
      if (level.node === undefined) {
        level.node = { children: new Map(), numbers: new Map(), size: 0 };
        above?.node?.children.set(above.key, level.node);
      }
      above = level;
    }
    return (above as Level).node as Node;
  }

  /** The key or index of the value being read. */
  get key(): string {
    return (this.#levels.at(-1) as Level).key;
  }

  /** The keys and indices that lead to it. */
  path(): { readonly key: string; readonly isIndex: boolean }[] {
    return this.#levels.slice(1).map(({ key, isArray }) => ({ key, isIndex: isArray }));
  }
}

/** The index of the quote that ends a string. */
export function closingQuote(text: string, opening: number): number {
  for (let at = opening + 1; ; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
}

/** The result of a first look at a text. */
export interface FirstLook {
  /** Whether it may have numbers that JSON.stringify() would write differently. */
  readonly mayHaveOddNumbers: boolean;
  /** The number of keys. */
  readonly keys: number;
}

const code = (char: string): number => char.charCodeAt(0);
const [quote, escape, colon, minus, zero, nine, point, small, capital] = [
  code('"'),
  code('\\'),
  code(':'),
  code('-'),
  code('0'),
  code('9'),
  code('.'),
  code('e'),
  code('E'),
];
/** A double keeps this many digits. */
const safeDigits = 15;
/** A number with this many zeros after the point is written with an exponent. */
const zeros = '0'.repeat(6);

/** Looks at JSON in UTF-8, in half of the time of parsing it. */
export function lookAt(bytes: Buffer): FirstLook {
  const { length } = bytes;
  let mayHaveOddNumbers = false;
  let keys = 0;
  for (let at = 0; at < length;) {
    let byte = bytes[at++] as number;
    if (byte === quote) {
      for (byte = bytes[at++] as number; byte !== quote && at < length; byte = bytes[at++] as number)
        if (byte === escape) at++;
    } else if (byte === colon) keys++;
    else if (byte === minus || (byte >= zero && byte <= nine)) {
      const first = byte === minus ? at : at - 1;
      let fraction = 0;
      let last = byte;
      for (at = first; at < length; at++) {
        byte = bytes[at] as number;
        if (byte === point) fraction = at + 1;
        else if (byte < zero || byte > nine) break;
        last = byte;
      }
      const size = at - first;
      if (size > safeDigits || byte === small || byte === capital) mayHaveOddNumbers = true;
      else if (fraction > 0)
        mayHaveOddNumbers ||=
          last === zero ||
          (bytes[first] === zero &&
            size > zeros.length &&
            bytes.toString('latin1', fraction, fraction + zeros.length) === zeros);
      else if (bytes[first] === zero && bytes[first - 1] === minus) mayHaveOddNumbers = true;
    }
  }
  return { mayHaveOddNumbers, keys };
}

/** The depth from which a value is better counted in its text. */
const deepest = 1000;

/** The number of properties in a value from JSON.parse(); NaN if it is very deep. */
export function countProperties(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > deepest) return Number.NaN;
  let count = 0;
  if (Array.isArray(value)) {
    for (const part of value) if (typeof part === 'object' && part !== null) count += countProperties(part, depth + 1);
    return count;
  }
  for (const key in value) {
    count++;
    const part = (value as Record<string, unknown>)[key];
    if (typeof part === 'object' && part !== null) count += countProperties(part, depth + 1);
  }
  return count;
}
