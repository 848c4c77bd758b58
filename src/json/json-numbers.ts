/**
 * Numbers of a JSON file that a program does not change stay as they are written. `JSON.parse()` takes them for
 * doubles, which have 15 to 17 digits, are not as large as numbers of 400 digits, and are written in one way only.
 *
 * A number of a new value is matched to a number of the file by its position: in the very object that was read, or at
 * the same place. If its digits would be lost otherwise, its value alone matches too: it is the same number wherever it
 * went, unless the file has others that are the same double. If those cannot be told apart, it is an error.
 */
import type { PathName } from '../contract/index.ts';
import { newRandomName } from '../system/index.ts';
import { JsonError, placeIn } from './json-error.ts';
import { Scan, type Literal, type Node } from './json-scan.ts';

/** A number that is written in a form of its own. */
interface Kept extends Literal {
  readonly double: number;
  /** Whether its digits would be lost, and not only its form. */
  readonly isLossy: boolean;
}

/**
 * The place in the file of a part of the new value, if it was there, and whether that is certain or only by an index.
 */
export interface Origin {
  readonly node: Node | undefined;
  readonly isSure: boolean;
}

/** A number of the new value, until all are known. */
interface Candidate {
  readonly double: number;
  readonly from: Kept | undefined;
  /** Whether it is matched to that number only by an index. */
  readonly byIndex: boolean;
  readonly where: string;
}

/** The numbers of a file that would be written differently. */
export class OddNumbers {
  readonly #path: PathName;
  readonly #text: string;
  readonly #nodes = new WeakMap<object, Node>();
  /** The place of the whole text. */
  readonly root: Origin;
  /** The numbers by value: all that are lossy, and those that are the same double. */
  readonly #alike: ReadonlyMap<number, readonly Kept[]>;
  readonly #candidates: Candidate[] = [];
  /** The placeholder of a number until its form is known; no value contains it. */
  readonly #mark = newRandomName();

  private constructor(path: PathName, text: string, root: Node, alike: ReadonlyMap<number, readonly Kept[]>) {
    this.#path = path;
    this.#text = text;
    this.root = { node: root, isSure: true };
    this.#alike = alike;
  }

  /** The odd numbers of a text; undefined if there are none. `value` is the value that its reader received. */
  static read(path: PathName, text: string, value: unknown): OddNumbers | undefined {
    const kept = new Map<number, Kept>();
    const alike = new Map<number, Kept[]>();
    const find = ({ text: literal, at }: Literal): void => {
      const double = Number(literal);
      if (String(double) === literal) return;
      const isLossy = !isSameNumber(literal, double);
      kept.set(at, { text: literal, at, double, isLossy });
      if (isLossy) alike.set(double, []);
    };
    new Scan(text, { number: find }).run();
    if (kept.size === 0) return undefined;
    const place = ({ text: literal, at }: Literal, scan: Scan): void => {
      const double = Number(literal);
      const one = kept.get(at) ?? (alike.has(double) ? { text: literal, at, double, isLossy: false } : undefined);
      if (one === undefined) return;
      alike.get(double)?.push(one);
      scan.node().numbers.set(scan.key, one);
    };
    const root = new Scan(text, { number: place }).run() as Node;
    const numbers = new OddNumbers(path, text, root, alike);
    numbers.#noteObjects(root, { '': value });
    return numbers;
  }

  /** Notes the objects that were read, as long as they are where they were. */
  #noteObjects(node: Node, holder: object): void {
    for (const [key, child] of node.children) {
      const value = (holder as Record<string, unknown>)[key];
      if (typeof value !== 'object' || value === null) continue;
      this.#nodes.set(value, child);
      this.#noteObjects(child, value);
    }
  }

  /** The place in the file of an object of the new value: it is the very object, or is at its place. */
  originOf(value: object, holder: object, above: Origin, key: string): Origin {
    const node = this.#nodes.get(value);
    if (node !== undefined) return { node, isSure: true };
    return { node: above.node?.children.get(key), isSure: above.isSure && !Array.isArray(holder) };
  }

  /** The placeholder for a number of the new value until the end; undefined if it is written as every number is. */
  note(double: number, holder: object, { node, isSure }: Origin, key: string, where: string): string | undefined {
    const there = node?.numbers.get(key) as Kept | undefined;
    const isThere = there !== undefined && Object.is(there.double, double);
    if (!isThere && !this.#alike.has(double)) return undefined;
    const isIndex = Array.isArray(holder);
    const hasMoved = isThere && this.#alike.has(double) && isIndex && node?.size !== holder.length;
    this.#candidates.push({
      double,
      from: isThere && !hasMoved ? there : undefined,
      byIndex: isIndex || !isSure,
      where,
    });
    return `${this.#mark}${this.#candidates.length - 1}`;
  }

  /** A text of JSON with those numbers filled in. */
  putInto(text: string): string {
    const written = this.#candidates.map((candidate) => this.#literalOf(candidate));
    return text.replaceAll(
      new RegExp(`"${this.#mark}(\\d+)"`, 'g'),
      (_, index: string) => written[Number(index)] as string,
    );
  }

  #literalOf({ double, from, where }: Candidate): string {
    const alike = this.#alike.get(double);
    if (alike === undefined) return (from as Kept).text;
    const texts = new Set(alike.map(({ text }) => text));
    const [only] = texts;
    if (texts.size === 1) return only as string;
    const others = this.#candidates.filter((one) => one.double === double);
    const placed = new Set(others.map((one) => one.from));
    const gone = alike.filter((one) => one.isLossy && !placed.has(one));
    // One of them is gone: an index may be another element's by now, and the new number may be that one.
    if (gone.length > 0 && (from === undefined || others.some(({ byIndex }) => byIndex)))
      throw this.#ambiguous(gone[0] as Kept, where);
    return from?.text ?? String(double);
  }

  #ambiguous({ at }: Kept, where: string): JsonError {
    const reason = `has several numbers that are the same to a program, and "${where}" may be any of them`;
    return new JsonError('ERR_UNTORN_JSON_NUMBER', { path: this.#path, reason, ...placeIn(this.#text, at) });
  }
}

/** Whether a double is written as the same decimal number, in whatever form. */
function isSameNumber(literal: string, double: number): boolean {
  return Number.isFinite(double) && decimal(literal) === decimal(String(double));
}

function decimal(literal: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return '0';
  const significant = digits.replace(/0+$/, '');
  return `${sign}${significant}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length)}`;
}
