/** A network filesystem's client: it reaches a file by its directory's handle, whatever the path of that is by now. */
import { O_DIRECTORY } from '#untorn/system/flags.js';
import { call, type Steps } from '#untorn/system/port.js';
import type { Mutation } from './owners.ts';

/** A temporary file in the entry of a lock. */
export const inEntry = /^(.*\.untorn-lock\/held\/[^/]*)\/([^/]*untorn-t-[^/]*)$/;

/** Renames what lies in an entry by the handle that the entry's directory had when the file was made. */
export function byHandle(mutation: Mutation = () => undefined): Mutation {
  const handles = new Map<string, number>();
  return (request, index) => {
    const instead = mutation(request, index);
    const [, directory, name] = inEntry.exec(String(request.args[0])) ?? [];
    if (instead !== undefined || directory === undefined) return instead;
    if (request.name === 'open') {
      return (function* (): Steps<unknown> {
        handles.set(directory, yield* call.open(directory, O_DIRECTORY, 0));
        return yield request;
      })();
    }
    const handle = handles.get(directory);
    if (request.name !== 'rename' || handle === undefined) return undefined;
    return call.rename(`/proc/self/fd/${handle}/${name}`, request.args[1]);
  };
}
