/**
 * Objects that keep their content elsewhere than in properties: JSON would make `{}` of them, or hold only what a
 * subclass has added.
 *
 * They are recognized by their kind, in any realm and under any name, and not by their prototype or properties.
 */
import * as types from 'node:util/types';

/** The name that an object gives itself. */
export function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

/**
 * Kinds that JSON holds unchanged: boxed values count as their content. An instance of a class is written with its own
 * properties.
 */
const transparent = new Set(['Object', 'Array', 'Arguments', 'Boolean', 'Number', 'String']);

/** The kinds of the language. */
const brands = [
  ArrayBuffer.isView,
  types.isAnyArrayBuffer,
  types.isMap,
  types.isSet,
  types.isWeakMap,
  types.isWeakSet,
  types.isPromise,
  types.isNativeError,
  types.isRegExp,
  types.isMapIterator,
  types.isSetIterator,
  types.isGeneratorObject,
  types.isBigIntObject,
  types.isSymbolObject,
  types.isExternal,
  types.isCryptoKey,
  types.isKeyObject,
].filter((is) => typeof is === 'function');

/** Further kinds of the runtime, which are known by name only. */
const names = new Set([
  'WeakRef',
  'FinalizationRegistry',
  'DOMException',
  'Blob',
  'File',
  'FormData',
  'FormData Iterator',
  'Headers',
  'Headers Iterator',
  'Request',
  'Response',
  'URLSearchParams',
  'URLSearchParams Iterator',
  'ReadableStream',
  'WritableStream',
  'TransformStream',
  'AbortController',
  'AbortSignal',
  'EventTarget',
  'MessagePort',
  'MessageChannel',
  'BroadcastChannel',
  'TextEncoder',
  'TextDecoder',
  'WebSocket',
  'Crypto',
  'SubtleCrypto',
  'CryptoKey',
  'Storage',
  'Array Iterator',
  'String Iterator',
  'RegExp String Iterator',
  'Iterator Helper',
  'AsyncGenerator',
  'Iterator',
]);

/** Whether an object is one of those, or has no properties and a name of its own. */
export function isOpaque(value: object): boolean {
  if (brands.some((is) => is(value))) return true;
  const kind = kindOf(value);
  return (
    !transparent.has(kind) &&
    (names.has(kind) || kind.startsWith('Intl.') || kind.startsWith('WebAssembly.') || Object.keys(value).length === 0)
  );
}
