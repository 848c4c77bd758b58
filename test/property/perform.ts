/** Does what an action says with the package, and tells the history. */
import { pipeline } from 'node:stream/promises';
import type { PathLike, WriteResult } from 'untorn';
import type { Call } from './actions.ts';
import type { Entry } from './history.ts';

/** The package, or one with a mistake in it. */
export type Library = typeof import('untorn');

/** The source's own failure. */
export class NoMore extends Error {}

/** What the callers of pieces do instead of committing. */
class Discarded extends Error {}

export async function pass(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
}

/** Performs a call, up to its end. What it resolves with is in the history; it never rejects. */
export async function perform(library: Library, call: Call, path: PathLike, entry: Entry): Promise<void> {
  try {
    const outcome = ways[call.kind](library, call, path, entry);
    // What a synchronous call did is looked at when it returns.
    if (outcome instanceof Promise) entry.resolve(await outcome);
    else entry.resolve(outcome);
  } catch (caught) {
    // pipeline() has several where both ends fail.
    const error: unknown = caught instanceof AggregateError ? caught.errors[0] : caught;
    if (error instanceof Discarded || (error as Error).cause instanceof Discarded) entry.discarded();
    else entry.reject(error);
  }
}

/** Each gives a result, or undefined where the content was discarded without an error. */
const ways: Record<
  Call['kind'],
  (
    library: Library,
    call: Call,
    path: PathLike,
    entry: Entry,
  ) => WriteResult | undefined | Promise<WriteResult | undefined>
> = {
  writeFile: (library, call, path, entry) =>
    library.writeFile(path, call.source ? pieces(call, entry) : entry.content, options(call, entry)),
  writeFileSync: (library, call, path, entry) => library.writeFileSync(path, entry.content, options(call, entry)),

  atomicWrite(library, call, path, entry) {
    const write = async (file: { write(data: string): Promise<number> }): Promise<void> => {
      for await (const piece of pieces(call, entry)) await file.write(piece);
      entry.begins();
    };
    return library.atomicWrite(path, write, options(call, entry));
  },

  atomicWriteSync(library, call, path, entry) {
    return library.atomicWriteSync(
      path,
      (file) => {
        file.write(entry.content);
        if (call.fate !== 'commit') throw call.fate === 'fail' ? new NoMore() : new Discarded();
      },
      options(call, entry),
    );
  },

  async pending(library, call, path, entry) {
    const file = await library.openPending(path, options(call, entry));
    try {
      for await (const piece of pieces(call, entry)) void file.write(piece).catch(() => undefined);
    } catch (error) {
      await file.discard();
      throw error;
    }
    entry.begins();
    const committed = file.commit();
    entry.isOrdered();
    return committed;
  },

  async pendingSync(library, call, path, entry) {
    const file = library.openPendingSync(path, options(call, entry));
    try {
      file.write(entry.content);
      await pass(call.turns);
      if (call.fate !== 'commit') throw call.fate === 'fail' ? new NoMore() : new Discarded();
    } catch (error) {
      file.discard();
      throw error;
    }
    entry.begins();
    const result = file.commit();
    entry.isBlocking();
    return result;
  },

  async stream(library, call, path, entry) {
    const stream = library.createWriteStream(path, options(call, entry));
    // 'close' is the end of all, also of the clean-up.
    const closed = new Promise((resolve) => void stream.on('close', resolve));
    try {
      if (call.fate === 'discard') {
        stream.on('error', () => undefined);
        stream.write(entry.content);
        await pass(call.turns);
        stream.destroy();
        throw new Discarded();
      }
      await pipeline(pieces(call, entry), stream);
      return stream.result;
    } finally {
      await closed;
    }
  },

  async 'web stream'(library, call, path, entry) {
    const stream = library.createWritableStream(path, options(call, entry));
    const source = ReadableStream.from(pieces(call, entry)) as ReadableStream<string>;
    await source.pipeTo(stream);
    return undefined;
  },
};

async function* pieces({ turns, fate }: Call, entry: Entry): AsyncGenerator<string> {
  const half = Math.floor(entry.content.length / 2);
  yield entry.content.slice(0, half);
  await pass(turns);
  if (fate !== 'commit') throw fate === 'fail' ? new NoMore() : new Discarded();
  yield entry.content.slice(half);
}

function options({ options: given, abort, kind }: Call, entry: Entry): Call['options'] & { signal?: AbortSignal } {
  if (abort === undefined || kind.endsWith('Sync')) return given;
  const controller = new AbortController();
  const later = async (): Promise<void> => {
    await pass(abort);
    entry.aborted = true;
    controller.abort();
  };
  void later();
  return { ...given, signal: controller.signal };
}
