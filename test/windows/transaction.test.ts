/** What is particular to Windows; that kills are survived, test/lifecycle/transaction-kill shows there too. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { recover, transaction, transactionSync, type Transaction, type TransactionSync } from 'untorn';
import { run, start } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';
import { holder } from './holder.ts';
import { durableHere, failure, onWindows } from './on-windows.ts';

describe('a transaction on Windows (G9)', onWindows, () => {
  const here = scratch();
  const contents = (): string[] => ['one', 'sub/two'].map((name) => here.text(name));

  function prepare(): void {
    mkdirSync(here.at('sub'), { recursive: true });
    for (const name of ['one', 'sub/two', 'gone', 'from']) plainWrite(here.at(name), `old ${name}`);
  }

  it('writes, removes and renames files of two directories', async () => {
    const change = (tx: Transaction | TransactionSync): void => {
      void tx.writeFile(here.at('one'), 'new one');
      void tx.writeFile(here.at('sub\\two'), 'new two');
      void tx.remove(here.at('gone'));
      void tx.rename(here.at('from'), here.at('sub\\to'));
    };
    for (const transact of [transaction, transactionSync]) {
      prepare();
      const result = await transact((tx) => change(tx));
      assert.equal(result.durable, durableHere);
      assert.deepEqual(
        [contents(), here.text('sub/to'), here.names()],
        [['new one', 'new two'], 'old from', ['one', 'sub']],
      );
    }
  });

  it('one of whose files stays open is committed all the same, says so, and is completed when it is let go', async () => {
    prepare();
    await using other = await holder(here.at('one'));
    const error = await failure(() =>
      transaction(
        async (tx) => {
          await tx.writeFile(here.at('one'), 'new one');
          await tx.writeFile(here.at('sub\\two'), 'new two');
        },
        { retry: { timeout: 100 } },
      ),
    );
    assert.deepEqual([error.code, error.outcome, here.text('one')], ['EPERM', 'unknown', 'old one']);
    const holds = [
      { path: here.at('one'), holds: 'old' },
      { path: here.at('sub\\two'), holds: 'old' },
    ];
    assert.deepEqual([error.files, here.text('sub/two')], [holds, 'old sub/two']);
    await other[Symbol.asyncDispose]();
    const { completed, kept } = await recover(here.folder);
    assert.deepEqual([completed.length > 0, kept, contents()], [true, [], ['new one', 'new two']]);
    assert.deepEqual(
      [here.names().filter((name) => name.includes('untorn')), (await recover(here.at('sub'))).kept],
      [[], []],
    );
  });

  it('whose process is killed in its callback changes nothing; the next one, of another process, puts things right', async () => {
    prepare();
    const killed = start(
      `
      import { transaction } from 'untorn';
      await transaction(async (tx) => {
        await tx.writeFile(process.argv[1] + '/one', 'half');
        console.log('staged');
        await new Promise((resolve) => setTimeout(resolve, 1e6));
      }, { lock: { files: [process.argv[1] + '/one'] } });
    `,
      [here.folder],
    );
    assert.equal(await killed.line(), 'staged');
    killed.process.kill('SIGKILL');
    await killed.ended;
    assert.deepEqual(contents(), ['old one', 'old sub/two']);
    assert.ok(here.names().some((name) => name.includes('untorn')));
    const next = await run(
      `
      import { transaction } from 'untorn';
      await transaction((tx) => Promise.all([tx.writeFile(process.argv[1] + '/one', 'new one'), tx.writeFile(process.argv[1] + '/sub/two', 'new two')]));
    `,
      [here.folder],
    );
    assert.deepEqual(
      [next.status, contents(), here.names()],
      [0, ['new one', 'new two'], ['from', 'gone', 'one', 'sub']],
      next.stderr,
    );
  });
});
