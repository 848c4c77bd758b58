/** Between the promises of pending files and the callbacks of Node's streams. */

/** Hands the end of a promise to a stream's callback. */
export function settle(promise: Promise<unknown>, done: (error?: Error | null) => void): void {
  promise.then(() => process.nextTick(done), (error: Error) => process.nextTick(done, error));
}

/** Streams call bytes `'buffer'`-encoded. */
export function knownEncoding(encoding: BufferEncoding | 'buffer'): BufferEncoding | undefined {
  return encoding === 'buffer' ? undefined : encoding;
}
