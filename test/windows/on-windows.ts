/**
 * What the tests for Windows have in common: `npm test` runs them on Windows, `npm run test:windows` elsewhere under
 * Wine.
 */
import { WriteError } from 'untorn';
import { native } from '#untorn/system/native.js';

export const onWindows: { readonly skip: string | false } = {
  skip: process.platform === 'win32' ? false : 'needs Windows; see npm run test:windows',
};

/** What a durable write says: only the native part can sync a directory. */
export const durableHere: true | 'unsupported' = 'syncDirectory' in (native()?.operations ?? {}) ? true : 'unsupported';

/** What a write failed with. */
export async function failure(write: () => unknown): Promise<WriteError> {
  try {
    await write();
  } catch (error) {
    if (WriteError.isWriteError(error)) return error;
    throw error;
  }
  throw new Error('It did not fail');
}
