/**
 * The tests of every engine: `untorn/store/testing`.
 *
 * @module untorn/store/testing
 */
export { storeTests, type StoreSubject, type StoreTest } from './store-tests.ts';
export { openProxy, type Proxy } from './proxy.ts';
