import { forCaller, type WriteResult } from '../contract/index.ts';
import type { Turn } from '../order/index.ts';

/** One write that is under way or waiting, and all the values that it stands for: the newest is written. */
export class Saving<T> {
  turn: Turn;
  value: T | (() => T) | undefined;
  /** The serialized value, once its turn has come: JSON text without a layout yet, or bytes. */
  serialized: string | Uint8Array | undefined;
  /** Whether its delay is over. */
  due = false;
  timer: NodeJS.Timeout | undefined;
  /** The result of a synchronous write that committed this or a newer value while this write was under way. */
  overtakenBy: WriteResult | undefined;
  readonly promise: Promise<WriteResult>;
  resolve!: (result: WriteResult) => void;
  reject!: (error: unknown) => void;

  /** `heard`: whether a failure is reported elsewhere too. */
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
