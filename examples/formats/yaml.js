/** YAML, by `yaml`. Comments, order and blank lines are kept, since the new values go into the old document. */
import { isDeepStrictEqual } from 'node:util';
import { Document, isSeq, parseDocument } from 'yaml';
import { changes } from './changes.js';

export const yaml = {
  parse(text) {
    return documentOf(text).toJS();
  },
  stringify(value, previous) {
    const fresh = new Document(value);
    const wanted = fresh.toJS();
    const document = readable(previous) ?? fresh;
    try {
      for (const { path, value: part, insert } of changes(document.toJS(), wanted)) {
        const outer = document.getIn(path.slice(0, -1), true);
        if (insert && isSeq(outer)) outer.items.splice(path.at(-1), 0, document.createNode(part));
        else if (part === undefined) document.deleteIn(path);
        else document.setIn(path, part);
      }
    } catch {
      // As within an alias. It is not the wanted value then.
    }
    // The comments are worth less than the value.
    const text = String(isDeepStrictEqual(document.toJS(), wanted) ? document : fresh);
    return previous?.includes('\r\n') ? text.replaceAll('\n', '\r\n') : text;
  },
};

function documentOf(text) {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error === undefined) return document;
  const { line, col: column } = error.linePos?.[0] ?? {};
  throw Object.assign(error, { line, column });
}

function readable(text) {
  try {
    return text === undefined ? undefined : documentOf(text);
  } catch {
    return undefined;
  }
}
