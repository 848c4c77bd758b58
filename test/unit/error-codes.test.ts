import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

/** They never leave the package. */
const internal = new Set(['ERR_UNTORN_UNRESOLVED']);

describe('The page of errors', () => {
  const page = readFileSync('docs/errors.md', 'utf8');
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const codes = sources.flatMap((name) =>
    [...readFileSync(join('src', name), 'utf8').matchAll(/'(ERR_(?:UNTORN|LOCK|VERSION)_[A-Z_]*[A-Z])'/g)].map(
      ([, code]) => code as string,
    ),
  );

  for (const code of new Set(codes)) {
    if (!internal.has(code)) it(`says what ${code} is`, () => assert.match(page, new RegExp(`\`${code}\``)));
  }

  it('has no code of this package that is none', () => {
    const told = [...page.matchAll(/`(ERR_(?:UNTORN|LOCK|VERSION)_[A-Z_]+)`/g)].map(([, code]) => code as string);
    assert.deepEqual(
      told.filter((code) => !codes.includes(code)),
      [],
    );
  });
});
