import { mock } from 'node:test';
import * as untorn from 'untorn';
import scenario from './scenario.cjs';

mock.timers.enable();
await scenario(untorn);
