/** Another process that has a file open, as a virus scanner or an indexer does. */
import assert from 'node:assert/strict';
import { start } from '../support/child.ts';

export interface Holder extends AsyncDisposable {
  /** Lets go some milliseconds from now. */
  letGoAfter(milliseconds: number): void;
}

/** Has a file open, at the longest until the test has ended. */
export async function holder(path: string, flags = '0'): Promise<Holder> {
  const program = start(
    `
    import { openSync } from 'node:fs';
    openSync(process.argv[1], Number(process.argv[2]));
    process.stdin.on('data', (text) => setTimeout(() => process.exit(), Number(text)));
    console.log('open');
  `,
    [path, flags],
  );
  assert.equal(await program.line(), 'open');
  return {
    letGoAfter: (milliseconds) => void program.process.stdin.write(String(milliseconds)),
    async [Symbol.asyncDispose]() {
      program.process.kill();
      await program.ended;
    },
  };
}
