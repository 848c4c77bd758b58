/**
 * The caller's memory, which is not copied. Its length is the length at the call: memory can be transferred to another
 * thread or another buffer, and can shrink or grow. Missing memory would be written as an empty file, so it is an
 * error.
 */
import { isAnyArrayBuffer, isTypedArray } from 'node:util/types';
import { misuse, refusal } from './errors.ts';

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;

/** The properties of a view, read without its own class. */
type View = Pick<DataView<ArrayBuffer>, 'buffer' | 'byteOffset' | 'byteLength'>;

function readingAll(prototype: View): (view: NodeJS.ArrayBufferView) => View {
  const getter = <K extends keyof View>(name: K) =>
    Object.getOwnPropertyDescriptor(prototype, name)?.get as () => View[K];
  const [buffer, byteOffset, byteLength] = [getter('buffer'), getter('byteOffset'), getter('byteLength')];
  return (view) => ({
    buffer: buffer.call(view),
    byteOffset: byteOffset.call(view),
    byteLength: byteLength.call(view),
  });
}

const ofTypedArray = readingAll(typedArray as View);
const ofDataView = readingAll(DataView.prototype as View);

/** The bytes of a buffer or view at their current length; undefined for another value. Fails if the memory is gone. */
export function pinned(value: unknown): Uint8Array | undefined {
  try {
    if (isAnyArrayBuffer(value)) return new Uint8Array(value, 0, value.byteLength);
    if (!ArrayBuffer.isView(value)) return undefined;
    const isTyped = isTypedArray(value);
    const { buffer, byteOffset, byteLength } = isTyped ? ofTypedArray(value) : ofDataView(value as DataView);
    // A view whose memory is gone has length 0. A DataView has thrown already.
    if (isTyped && byteLength === 0) typedArray.at.call(value, 0);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch {
    throw misuse(
      'ERR_INVALID_ARG_VALUE',
      `"data" has no memory any more: its ArrayBuffer was transferred, or has become too small for it`,
    );
  }
}

/** Fails if the memory of a pinned view is gone. */
export function assertIntact(bytes: Uint8Array): void {
  if (bytes.byteLength > 0) return;
  try {
    typedArray.at.call(bytes, 0);
  } catch {
    throw refusal('ERR_UNTORN_DATA_CHANGED', 'the memory of the data was transferred or has shrunk since the call');
  }
}
