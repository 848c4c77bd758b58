/** What a file holds says who wrote it and when, and is checked to its last byte. */

export interface Stamp {
  /** One writing thread; a name is never given twice. */
  readonly writer: string;
  readonly sequence: number;
}

/** One version of a file: its stamp, again and again, up to a length that the stamp determines. */
export function compose({ writer, sequence }: Stamp): Buffer {
  const stamp = `${writer} ${sequence};`;
  return Buffer.alloc(stamp.length * (1 + ((sequence * 7919) % 4001)), stamp);
}

/** The stamp of a whole version; undefined if it is torn. */
export function inspect(content: Buffer): Stamp | undefined {
  const [, writer, digits] = /^(\S+) (\d+);/.exec(content.toString('latin1', 0, 100)) ?? [];
  if (writer === undefined) return undefined;
  const stamp = { writer, sequence: Number(digits) };
  return content.equals(compose(stamp)) ? stamp : undefined;
}
