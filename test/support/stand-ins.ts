/**
 * Lets a test put functions in the place of those of node:fs, whichever way the package makes its calls: a call goes to
 * the function that stands in for it, also if the native part was to make it. The native part makes all other calls.
 *
 * This is imported before anything is replaced. `native` has the calls that node:fs does not have, in the same two forms
 * (`exchangeSync`, `exchange` with a callback): they can be replaced in it.
 */
import fs from 'node:fs';
import { constants } from 'node:os';

type Call = (...args: unknown[]) => unknown;
type Done = (error: unknown, value?: unknown) => void;
type Link = readonly [operation: number, ...args: unknown[]];
type Bytes = readonly Uint8Array[] | undefined;

/** See src/system/native.ts. */
interface Native {
  chain(done: ((bytes: Bytes) => void) | undefined, ...values: unknown[]): Bytes;
  readonly operations: Readonly<Record<string, number>>;
  readonly outcome: ArrayBuffer;
}

/** Where an outcome has what it tells, in numbers of 64 bits: see `struct outcome` in native/untorn.c. */
const firstResult = 2;
const firstStatus = firstResult + 256;
const numbersOfStatus = 12;

let loaded: Native | undefined;

/** The calls that only the native part makes; they are used only where it is there. */
export const native: Record<string, Call> = {};
const nativeOnly = [
  'syncfs',
  'renameNew',
  'exchange',
  'linkOpen',
  'listxattr',
  'getxattr',
  'setxattr',
  'removexattr',
  'getflags',
  'setflags',
  'getproject',
  'getxflags',
  'setproject',
];
for (const name of nativeOnly) {
  const valuesOf = (args: unknown[]): unknown[] => [loaded?.operations[name], args[0], args[1], args[2]];
  native[`${name}Sync`] = (...args) => valueOf(name, loaded?.chain(undefined, ...valuesOf(args)));
  native[name] = (...args) => {
    const done = args.pop() as Done;
    loaded?.chain(
      (bytes) => {
        try {
          done(null, valueOf(name, bytes));
        } catch (error) {
          done(error);
        }
      },
      ...valuesOf(args),
    );
  };
}

/** The value of the only link of the latest outcome. */
function valueOf(name: string, bytes: Bytes): unknown {
  const [, errno, number] = new Float64Array((loaded as Native).outcome);
  if (errno === 0) return ['listxattr', 'getxattr'].includes(name) ? (bytes?.[0] ?? Buffer.alloc(0)) : number;
  const code = Object.entries(constants.errno).find(([, known]) => known === errno)?.[0];
  throw Object.assign(new Error(`${code}`), { code, errno: -Number(errno) });
}

const places = [fs as unknown as Record<string, Call>, native].map((now) => ({ now, before: { ...now } }));

/** What stands in for a function, if anything does. */
function standIn(name: string): Call | undefined {
  return places.map(({ now, before }) => (now[name] === before[name] ? undefined : now[name])).find(Boolean);
}

const isStatus = (name: string): boolean => ['fstat', 'lstat', 'stat'].includes(name);

/** The arguments of a function of node:fs. */
function argsFor(name: string, args: readonly unknown[]): unknown[] {
  if (isStatus(name)) return [args[0], { bigint: true }];
  if (name === 'write') return [args[0], args[1], 0, (args[1] as Uint8Array).byteLength, null];
  if (name === 'futimes') return [args[0], Number(args[1]) / 1e9, Number(args[2]) / 1e9];
  return args.filter((arg) => arg !== undefined);
}

/** A status as the native part gives it: twelve values of 64 bits, of which the first six are doubles. */
function encoded(status: fs.BigIntStats): Float64Array {
  const numbers = new Float64Array(numbersOfStatus);
  const { mode, nlink, uid, gid, size } = status;
  numbers.set([mode, nlink, uid, gid, size].map(Number));
  const { dev, ino, atimeNs, mtimeNs, ctimeNs, birthtimeNs } = status;
  new BigInt64Array(numbers.buffer).set([dev, ino, atimeNs, mtimeNs, ctimeNs, birthtimeNs], 6);
  return numbers;
}

/** A chain whose links are made one by one. */
class Progress {
  readonly #real: Native;
  readonly #names: ReadonlyMap<number, string>;
  readonly #links: readonly Link[];
  readonly #results: number[] = [];
  readonly #statuses: Float64Array[] = [];
  readonly #bytes: Uint8Array[] = [];
  #errno = 0;
  #opened: unknown;

  constructor(real: Native, names: ReadonlyMap<number, string>, links: readonly Link[]) {
    this.#real = real;
    this.#names = names;
    this.#links = links;
  }

  get #isOver(): boolean {
    return this.#errno !== 0 || this.#results.length === this.#links.length;
  }

  #next(): { name: string; link: Link } {
    const [operation, ...args] = this.#links[this.#results.length] as Link;
    if (args[0] === -1) args[0] = this.#opened;
    return { name: this.#names.get(operation) as string, link: [operation, ...args] };
  }

  now(): Bytes {
    while (!this.#isOver) {
      const { name, link } = this.#next();
      const call = standIn(`${name}Sync`);
      if (call === undefined) this.#note(name, this.#real.chain(undefined, ...link));
      else {
        try {
          this.#settle(name, null, call.apply(fs, argsFor(name, link.slice(1))));
        } catch (error) {
          this.#settle(name, error);
        }
      }
    }
    return this.#end();
  }

  later(done: (bytes: Bytes) => void): void {
    if (this.#isOver) return done(this.#end());
    const { name, link } = this.#next();
    const call = standIn(name);
    if (call === undefined) {
      this.#real.chain(
        (bytes) => {
          this.#note(name, bytes);
          this.later(done);
        },
        ...link,
      );
    } else {
      const ended = (error: unknown, value?: unknown): void => {
        this.#settle(name, error, value);
        this.later(done);
      };
      try {
        call.call(fs, ...argsFor(name, link.slice(1)), ended);
      } catch (error) {
        ended(error);
      }
    }
  }

  /** How a link ended that the native part made. */
  #note(name: string, bytes: Bytes): void {
    const numbers = new Float64Array(this.#real.outcome);
    this.#errno = numbers[1] as number;
    if (this.#errno !== 0) return;
    if (isStatus(name)) this.#statuses.push(numbers.slice(firstStatus, firstStatus + numbersOfStatus));
    this.#add(name, bytes?.[0] ?? numbers[firstResult]);
  }

  /** How a link ended that a function stood in for. */
  #settle(name: string, error: unknown, value?: unknown): void {
    if (error) {
      const known = (constants.errno as Record<string, number>)[String((error as NodeJS.ErrnoException).code)];
      this.#errno = known ?? constants.errno.EIO;
      // No system gives such an error: it is one of the test.
      if (known === undefined)
        process.nextTick(() => {
          throw error;
        });
      return;
    }
    if (isStatus(name)) this.#statuses.push(encoded(value as fs.BigIntStats));
    this.#add(name, name === 'statfs' ? (value as fs.StatsFs).type : isStatus(name) ? undefined : value);
  }

  #add(name: string, result: unknown): void {
    if (name === 'open') this.#opened = result;
    if (result instanceof Uint8Array && result.length > 0) this.#bytes.push(result);
    this.#results.push(result instanceof Uint8Array ? result.length : Number(result ?? 0));
  }

  #end(): Bytes {
    const numbers = new Float64Array(this.#real.outcome);
    numbers.set([this.#results.length, this.#errno, ...this.#results]);
    this.#statuses.forEach((status, index) => numbers.set(status, firstStatus + index * numbersOfStatus));
    return this.#bytes.length === 0 ? undefined : this.#bytes;
  }
}

/** The native part, with a look at what stands in before each chain. */
function withStandIns(real: Native): Native {
  const names = new Map(Object.entries(real.operations).map(([name, number]) => [number, name]));
  const isReplaced = ([operation]: Link): boolean =>
    ['', 'Sync'].some((form) => standIn(`${names.get(operation)}${form}`) !== undefined);
  return {
    operations: real.operations,
    outcome: real.outcome,
    chain(done, ...values) {
      const links = values.flatMap((value, at) =>
        at % 4 === 0 ? [[value, ...values.slice(at + 1, at + 4)] as Link] : [],
      );
      if (!links.some(isReplaced)) return real.chain(done, ...values);
      const progress = new Progress(real, names, links);
      if (done === undefined) return progress.now();
      progress.later(done);
      return undefined;
    },
  };
}

const { dlopen } = process;
process.dlopen = (...args) => {
  dlopen.apply(process, args);
  const [holder] = args as unknown as [{ exports: Native }];
  if (!('chain' in holder.exports)) return;
  loaded = holder.exports;
  holder.exports = withStandIns(loaded);
};
