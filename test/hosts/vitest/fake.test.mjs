import { test, vi } from 'vitest';
import * as untorn from 'untorn';
import scenario from './scenario.cjs';

test('the package in Vitest, under fake timers', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Date', 'hrtime', 'performance'] });
  await scenario(untorn);
});
