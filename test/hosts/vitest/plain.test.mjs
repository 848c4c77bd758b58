import { test } from 'vitest';
import * as untorn from 'untorn';
import scenario from './scenario.cjs';

test('the package in Vitest', () => scenario(untorn));
