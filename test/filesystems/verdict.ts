/** What became of one behaviour on one filesystem. */

export type Kind =
  /** As the guarantees say. */
  | 'holds'
  /** An error, which told the truth. */
  | 'refused'
  /** Done, and the result says what could not be kept. */
  | 'not kept'
  /** The filesystem itself does not give it: a plain rename(2), without this package, shows the same. */
  | 'filesystem'
  /** Success or an outcome was reported, and it is not so. */
  | 'VIOLATION'
  | 'not tested';

export interface Verdict {
  readonly kind: Kind;
  /** What the table shows. */
  readonly text: string;
  /** What is printed beside it. */
  readonly details: readonly string[];
}

export function verdict(kind: Kind, more = '', details: readonly string[] = []): Verdict {
  return { kind, text: more === '' ? kind : `${kind}: ${more}`, details };
}

const order: readonly Kind[] = ['VIOLATION', 'filesystem', 'not kept', 'refused', 'not tested', 'holds'];

/** Several verdicts as one: of the worst kind, telling the parts that do not hold. */
export function together(parts: readonly (readonly [name: string, verdict: Verdict])[]): Verdict {
  const details = parts.flatMap(([name, { details }]) => details.map((detail) => `${name}: ${detail}`));
  const kind = order.find((kind) => parts.some(([, part]) => part.kind === kind)) ?? 'holds';
  const texts = [
    ...new Set(parts.filter(([, part]) => kind === 'holds' || part.kind !== 'holds').map(([, { text }]) => text)),
  ];
  if (texts.length === 0) return { kind, text: kind, details };
  if (texts.length === 1 && parts.every(([, { text }]) => text === texts[0]))
    return { kind, text: texts[0] ?? kind, details };
  const namesOf = (text: string): string =>
    [...new Set(parts.filter(([, part]) => part.text === text).map(([name]) => name))].join(', ');
  return { kind, text: texts.map((text) => `${namesOf(text)}: ${text}`).join('; '), details };
}

/** Counts by what they are of, as `3 × EPERM, 1 × EIO`. */
export function counted(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .map(([name, count]) => `${count} × ${name}`)
    .join(', ');
}
