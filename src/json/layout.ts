import { codeOf } from '../contract/index.ts';
import { fileType, O_NOFOLLOW, O_RDONLY, call, type Steps } from '../system/index.ts';
import { readFully, type Target } from '../files/index.ts';
import { unreadable } from '../replace/index.ts';
import { compact, layoutOf, type Layout } from './json-text.ts';

/** Bytes read at first from the beginning, and bytes read if those were a single line without indentation. */
const [headSize, longHeadSize] = [4096, 1 << 18];

/** The layout of the file that is to be replaced. */
export function* layoutAt(target: Target): Steps<Layout> {
  let ends = yield* readEnds(target, headSize, 2);
  if (ends !== undefined && ends.first.length === headSize && !ends.first.includes('\n'))
    ends = yield* readEnds(target, longHeadSize, 2);
  return ends === undefined ? compact : layoutOf(ends.first, ends.last);
}

/**
 * The first and the last bytes (at least that many) of the file that is to be replaced; undefined if they cannot be
 * read.
 */
function* readEnds(
  { existing, accessPath }: Target,
  first: number,
  last: number,
): Steps<{ first: Buffer; last: Buffer } | undefined> {
  if (existing === undefined || fileType(existing.mode) !== 'file') return undefined;
  let fd;
  try {
    fd = yield* call.open(accessPath, O_RDONLY | O_NOFOLLOW, 0);
  } catch (error) {
    if (unreadable.has(codeOf(error) ?? '')) return undefined;
    throw error;
  }
  try {
    const head = Buffer.alloc(Math.min(first, existing.size));
    yield* readFully(fd, head, 0);
    if (head.length === existing.size) return { first: head, last: head };
    const tail = Buffer.alloc(last);
    yield* readFully(fd, tail, existing.size - last);
    return { first: head, last: tail };
  } finally {
    yield* call.close(fd);
  }
}
