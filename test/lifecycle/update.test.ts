import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';

const counting = `
  import { updateFile, updateFileSync } from 'untorn';
  const [path, times, form] = process.argv.slice(1);
  const increment = (old = '0') => String(Number(old) + 1);
  const options = { encoding: 'utf8', durability: 'off' };
  const updating = form === 'sync' ? async () => updateFileSync(path, increment, options) : () => updateFile(path, increment, options);
  for (let done = 0; done < Number(times); done++) await updating();
  console.log(JSON.stringify('done'));
`;

describe('updates by several processes (G8)', () => {
  const here = scratch();

  it('two that add 1 a thousand times each, one synchronous and one not, end at 2000', async () => {
    await Promise.all(['sync', 'async'].map((form) => ask(counting, [here.at('count'), '1000', form])));
    assert.deepEqual([here.text('count'), here.names()], ['2000', ['count']]);
  });

  it('eight that add 1 each get through', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, index) => ask(counting, [here.at('count'), '50', index % 2 === 0 ? 'sync' : 'async'])));
    assert.deepEqual([here.text('count'), here.names()], ['400', ['count']]);
  });
});
