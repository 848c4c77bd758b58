/**
 * Objects that keep their content elsewhere than in properties: JSON would have `{}` of them, or only what a subclass
 * has added.
 *
 * They are known by what they are, in whatever realm and under whatever name, and not by what they inherit or have of
 * their own.
 */
import * as types from 'node:util/types';

/** What an object calls itself. */
export function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

/**
 * What JSON holds as it is: boxed values count as what is in them. An instance of a class is written with its own
 * properties.
 */
const transparent = new Set(['Object', 'Array', 'Arguments', 'Boolean', 'Number', 'String']);

/** What the language has. */
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

/** What the runtime has besides, which only says its name. */
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

/** Whether an object is one of those, or one that has nothing to show and a name of its own. */
export function isOpaque(value: object): boolean {
  if (brands.some((is) => is(value))) return true;
  const kind = kindOf(value);
  return (
    !transparent.has(kind) &&
    (names.has(kind) || kind.startsWith('Intl.') || kind.startsWith('WebAssembly.') || Object.keys(value).length === 0)
  );
}
