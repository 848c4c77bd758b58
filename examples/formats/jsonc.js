/** JSON with comments and trailing commas, as in tsconfig.json, by `jsonc-parser`. Comments and layout are kept. */
import { isDeepStrictEqual } from 'node:util';
import { applyEdits, modify, parse as parseJsonc, printParseErrorCode, visit } from 'jsonc-parser';
import { changes } from './changes.js';

export const jsonc = {
  parse(text) {
    const errors = [];
    const value = parseJsonc(text, errors, { allowTrailingComma: true });
    // The library would lose such a property.
    visit(text, { onObjectProperty: (name) => void refuseProto(name) });
    if (errors.length === 0) return value;
    const [{ error, offset }] = errors;
    const lines = text.slice(0, offset).split('\n');
    throw Object.assign(new SyntaxError(printParseErrorCode(error)), {
      line: lines.length,
      column: lines.at(-1).length + 1,
    });
  },
  stringify(value, previous) {
    const fresh = JSON.stringify(value, refuseProto, 2);
    const old = readable(previous);
    // Nothing to keep.
    if (old === undefined) return `${fresh}\n`;
    const wanted = JSON.parse(fresh);
    const indent = /\n([ \t]+)\S/.exec(previous)?.[1] ?? '  ';
    const formattingOptions = {
      insertSpaces: !indent.includes('\t'),
      tabSize: indent.length,
      eol: previous.includes('\r\n') ? '\r\n' : '\n',
    };
    let text = previous;
    for (const { path, value: part, insert = false } of changes(old.value, wanted))
      text = applyEdits(text, modify(text, path, part, { formattingOptions, isArrayInsertion: insert }));
    // The comments are worth less than the value.
    return isDeepStrictEqual(readable(text)?.value, wanted) ? text : `${fresh}\n`;
  },
};

function refuseProto(name, part) {
  if (name === '__proto__') throw new TypeError('The property "__proto__" cannot be kept');
  return part;
}

function readable(text) {
  try {
    return text === undefined ? undefined : { value: jsonc.parse(text) };
  } catch {
    return undefined;
  }
}
