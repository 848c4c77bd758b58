import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';

/** Steps that are made and not yielded do nothing, and neither the compiler nor a linter would say so. */
it('performs every step of the protocol', () => {
  const files = readdirSync('src/protocol').map((name) => ({ name, text: readFileSync(join('src/protocol', name), 'utf8') }));
  const names = (pattern: RegExp): string => files.flatMap(({ text }) => [...text.matchAll(pattern)].map(([, name]) => name)).join('|');
  const functions = names(/function\* (\w+)/g);
  const methods = names(/^ {2}\*(#?\w+)\(/gm);
  const forgotten = new RegExp(`^\\s*(?:(?:const|let) [^=]+ = |return )?(?:call\\.\\w+|(?:${functions})|\\w+\\.(?:${methods}))\\(`);
  assert.ok(functions.length > 500, 'it must find the steps');
  assert.match('  syncDirectory(write, directory);', forgotten);
  assert.match('  const status = call.fstat(fd);', forgotten);
  for (const { name, text } of files) {
    for (const [index, line] of text.split('\n').entries()) {
      if (!/function\*|^ {2}\*|\): .* \{$|\): Steps<.*>;$/.test(line)) assert.doesNotMatch(line, forgotten, `src/protocol/${name}:${index + 1}`);
    }
  }
});
