import { forCaller, type WriteResult } from '../contract/index.ts';
import type { Turn } from '../order/index.ts';

/** One write that is under way or to come, and all the values that it stands for: the newest is written. */
export class Saving<T> {
  turn: Turn;
  value: T | (() => T) | undefined;
  /** Text that is JSON and has no layout yet, or bytes; once its turn has come. */
  serialized: string | Uint8Array | undefined;
  /** Whether it does not wait for its delay any more. */
  due = false;
  timer: NodeJS.Timeout | undefined;
  /** What a synchronous write came to that put this or a newer value in place while this was under way. */
  overtakenBy: WriteResult | undefined;
  readonly promise: Promise<WriteResult>;
  resolve!: (result: WriteResult) => void;
  reject!: (error: unknown) => void;

  /** `heard`: whether a failure is told otherwise too. */
  constructor(turn: Turn, value: T | (() => T), heard: boolean) {
    this.turn = turn;
    this.value = value;
    const done = new Promise<WriteResult>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise = forCaller(done, heard);
  }
}
