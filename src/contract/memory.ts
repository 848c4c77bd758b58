/**
 * The caller's memory, which is not copied. Its length is what it was at the call: memory can be transferred to another
 * thread or another buffer, and shrink or grow. What is not there any more would be an empty file, so it is an error.
 */
import { isAnyArrayBuffer, isTypedArray } from 'node:util/types';
import { misuse, refusal } from './errors.ts';

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;

/** What a view says of itself, whatever its own class would say. */
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

/**
 * The bytes of a buffer or view, as many as there are now; undefined for something else. Fails if there is no memory
 * behind it any more.
 */
export function pinned(value: unknown): Uint8Array | undefined {
  try {
    if (isAnyArrayBuffer(value)) return new Uint8Array(value, 0, value.byteLength);
    if (!ArrayBuffer.isView(value)) return undefined;
    const isTyped = isTypedArray(value);
    const { buffer, byteOffset, byteLength } = isTyped ? ofTypedArray(value) : ofDataView(value as DataView);
    // One whose memory is gone is as long as an empty one. A DataView has said so already.
    if (isTyped && byteLength === 0) typedArray.at.call(value, 0);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch {
    throw misuse(
      'ERR_INVALID_ARG_VALUE',
      `"data" has no memory any more: its ArrayBuffer was transferred, or has become too small for it`,
    );
  }
}

/** Fails if the memory of a pinned view is not there any more. */
export function assertIntact(bytes: Uint8Array): void {
  if (bytes.byteLength > 0) return;
  try {
    typedArray.at.call(bytes, 0);
  } catch {
    throw refusal('ERR_UNTORN_DATA_CHANGED', 'the memory of the data was transferred or has shrunk since the call');
  }
}
