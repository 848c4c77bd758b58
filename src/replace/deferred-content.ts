import type { Content } from '../contract/index.ts';
import type { Steps } from '../system/index.ts';
import type { Operation, Target } from '../files/index.ts';

/** Content that is made when its turn has come and the target is known; not at all if newer content comes first. */
export interface LaterContent {
  readonly kind: 'later';
  /** Possibly more than once: descriptors may be short. */
  make(operation: Operation, target: Target): Steps<Uint8Array>;
}

/** Content that has not to be read from elsewhere. */
export type AtHand = Extract<Content, { kind: 'bytes' }> | LaterContent;

/** What is known of its size where it is not needed any more. */
export function sizeOf(content: AtHand): number {
  return content.kind === 'bytes' ? content.bytes.byteLength : 0;
}
