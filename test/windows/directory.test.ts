import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { replaceDirectory, replaceDirectorySync } from 'untorn';
import { scratch } from '../support/scratch.ts';
import { failure, onWindows } from './on-windows.ts';

describe('replacing a directory on Windows (G4, G9)', onWindows, () => {
  const here = scratch();

  for (const replace of [replaceDirectory, replaceDirectorySync]) {
    it(`${replace.name}() is refused at once, whatever is there: the function is not called, and nothing has changed`, async () => {
      mkdirSync(here.at('site'));
      mkdirSync(here.at('ready'));
      plainWrite(here.at('site\\page'), 'old');
      let called = 0;
      for (const source of [() => called++, here.at('ready')]) {
        for (const name of ['site', 'none']) {
          const error = await failure(() => replace(here.at(name), source));
          assert.deepEqual([error.code, error.outcome], ['ENOTSUP', 'old']);
          assert.match(error.message, /Windows cannot replace a directory at once/);
        }
      }
      assert.deepEqual([called, here.names(), here.text('site/page')], [0, ['ready', 'site'], 'old']);
    });
  }
});
