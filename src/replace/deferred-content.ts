import type { Content } from '../contract/index.ts';
import type { Steps } from '../system/index.ts';
import type { Operation, Target } from '../files/index.ts';

/** Content that is made when its turn has come and the target is known; not at all if newer content comes first. */
export interface LaterContent {
  readonly kind: 'later';
  /** May be called more than once: descriptors may be short. */
  make(operation: Operation, target: Target): Steps<Uint8Array>;
}

/** Content that is in memory, or can be made from it. */
export type AtHand = Extract<Content, { kind: 'bytes' }> | LaterContent;

/** The known size of content that is not needed any more. */
export function sizeOf(content: AtHand): number {
  return content.kind === 'bytes' ? content.bytes.byteLength : 0;
}
