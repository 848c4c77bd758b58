import { test } from 'bun:test';
import * as untorn from 'untorn';
import scenario from './scenario.cjs';

test('the package in bun test', () => scenario(untorn));
