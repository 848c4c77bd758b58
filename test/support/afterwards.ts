/** Clean-up in the opposite order of the making: what is mounted in a folder is unmounted before that is removed. */
import type { TestContext } from 'node:test';

const stacks = new WeakMap<TestContext, (() => void)[]>();

/** Does something when the test has ended, however it ended. The hooks of node:test run first to last. */
export function afterwards(t: TestContext, undo: () => void): void {
  const known = stacks.get(t);
  if (known !== undefined) {
    known.push(undo);
    return;
  }
  const stack = [undo];
  stacks.set(t, stack);
  t.after(() => undoAll(stack));
}

function undoAll(stack: (() => void)[]): void {
  for (let undo; (undo = stack.pop()) !== undefined;) {
    try {
      undo();
    } catch (error) {
      undoAll(stack);
      throw error;
    }
  }
}
