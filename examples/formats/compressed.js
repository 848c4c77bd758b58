/** Compressed files, by `node:zlib`: gzip around another format. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { json } from './json.js';

/** `inner` is a format of text. */
export function compressed(inner = json) {
  return {
    binary: true,
    parse: (bytes) => inner.parse(gunzipSync(bytes).toString()),
    stringify: (value) => gzipSync(inner.stringify(value)),
  };
}
