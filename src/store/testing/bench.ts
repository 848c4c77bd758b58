/** The store under test, and what the tests share. */
import { strict as assert } from 'node:assert';
import { outOfRange, record, WriteError, wrongType, type ErrorCode } from '../../contract/index.ts';
import type { Store } from '../contract.ts';
import type { Proxy } from './proxy.ts';

/** A store to be tested. */
export interface StoreSubject {
  /** Opens a client of its own with each call, all of the same store. */
  open: () => Promise<Store>;
  /**
   * Opens a client whose connection goes through the proxy, which the server is behind: for the tests of lost answers.
   */
  openThrough?: ((proxy: Proxy) => Promise<Store>) | undefined;
  /** Where the server is, for the proxy. */
  server?: { readonly host: string; readonly port: number } | undefined;
  /** How many clients race. @default 8 */
  clients?: number | undefined;
  /** How often each of them does. @default 20 */
  rounds?: number | undefined;
  /** Milliseconds that a watch may take to tell of a change; an update among others may take three times as long. @default 10_000 */
  patience?: number | undefined;
}

/** One test. */
export interface StoreTest {
  readonly name: string;
  /** Resolves with why the test does not apply, if so. */
  readonly run: () => Promise<string | undefined>;
}

export interface Bench extends Omit<StoreSubject, 'clients' | 'rounds' | 'patience'> {
  readonly clients: number;
  readonly rounds: number;
  readonly patience: number;
  /** A key that no other test has. */
  key(): string;
}

export function checkedSubject(given: StoreSubject): Bench {
  const known = ['server', 'open', 'openThrough', 'clients', 'rounds', 'patience'];
  const { clients = 8, rounds = 20, patience = 10_000, ...subject } = record(given, 'subject', known);
  if (typeof subject['open'] !== 'function') throw wrongType('subject.open', 'a function', subject['open']);
  for (const [name, value] of Object.entries({ clients, rounds, patience }))
    if (typeof value !== 'number' || !(value >= 2)) throw outOfRange(`"subject.${name}" must be a number from 2`);
  const run = process.getBuiltinModule('node:crypto').randomUUID().slice(0, 8);
  let count = 0;
  return {
    ...(subject as unknown as StoreSubject),
    clients: clients as number,
    rounds: rounds as number,
    patience: patience as number,
    key: () => `test-${run}/${++count}`,
  };
}

/** A test with one client. */
export function withStore(
  bench: Bench,
  name: string,
  test: (store: Store, key: string) => Promise<string | undefined | void>,
): StoreTest {
  return {
    name,
    async run() {
      const store = await bench.open();
      try {
        return (await test(store, bench.key())) ?? undefined;
      } finally {
        await store.close();
      }
    },
  };
}

/** A test with several clients. */
export function withClients(
  bench: Bench,
  name: string,
  test: (stores: readonly Store[], key: () => string) => Promise<void>,
): StoreTest {
  return {
    name,
    async run() {
      const stores = await Promise.all(Array.from({ length: bench.clients }, async () => bench.open()));
      try {
        await test(stores, bench.key);
        return undefined;
      } finally {
        await Promise.all(stores.map(async (store) => store.close()));
      }
    },
  };
}

/** What a call that must fail fails with. */
export async function failureOf(call: Promise<unknown>): Promise<WriteError> {
  const error: unknown = await call.then(
    () => assert.fail('The call was to fail, and did not'),
    (one: unknown) => one,
  );
  if (WriteError.isWriteError(error)) return error;
  throw error;
}

export async function failsWith(call: Promise<unknown>, code: ErrorCode): Promise<WriteError> {
  const error = await failureOf(call);
  assert.deepEqual([error.code, error.outcome], [code, 'old'], error.message);
  return error;
}

/** What is under a key, as text. */
export async function textAt(store: Store, key: string): Promise<string | undefined> {
  return (await store.read(key)).content?.toString();
}
