import type { Content, WriteResult } from '../contract/index.ts';
import type { Steps } from '../system/index.ts';
import { isLocked, type Operation } from '../files/index.ts';
import type { Turn } from '../order/index.ts';
import type { LaterContent } from './deferred-content.ts';
import { replaceMatching } from './locked.ts';
import { replace } from './replace.ts';

/** Replaces a file; under its lock, if only a known version is to be replaced. */
export function replaceFile(operation: Operation, turn: Turn, content: Content | LaterContent): Steps<WriteResult> {
  return isLocked(operation) && content.kind !== 'source'
    ? replaceMatching(operation, turn, content)
    : replace(operation, turn, content);
}
