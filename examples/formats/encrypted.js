/**
 * Files that are encrypted at rest, by `node:crypto`: AES-256-GCM around another format. Temporary files and backups
 * are encrypted too, since they have the same bytes. The size of a file and its times stay visible.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { json } from './json.js';

/** The first byte of each file: the version of this layout. Then come 12 bytes that are never used again, and the tag. */
const version = Buffer.of(1);
const [nonceSize, tagSize] = [12, 16];
const headSize = version.length + nonceSize + tagSize;

/**
 * `key`: 32 random bytes, or scrypt's result for a passphrase. `inner` is a format of text. A file of another key is
 * damaged to this format, and is not replaced either, as its content could not be read any more.
 */
export function encrypted(key, inner = json) {
  function decrypt(bytes) {
    if (bytes.length < headSize || bytes[0] !== version[0]) throw new Error('not encrypted in this way');
    const nonce = bytes.subarray(version.length, version.length + nonceSize);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagSize });
    decipher.setAAD(version);
    decipher.setAuthTag(bytes.subarray(version.length + nonceSize, headSize));
    return Buffer.concat([decipher.update(bytes.subarray(headSize)), decipher.final()]).toString();
  }
  function encrypt(text) {
    const nonce = randomBytes(nonceSize);
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagSize });
    cipher.setAAD(version);
    const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([version, nonce, cipher.getAuthTag(), content]);
  }
  return {
    binary: true,
    parse: (bytes) => inner.parse(decrypt(bytes)),
    stringify: (value, previous) => encrypt(inner.stringify(value, previous && decrypt(previous))),
  };
}
