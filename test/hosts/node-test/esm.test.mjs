import { test } from 'node:test';
import * as untorn from 'untorn';
import scenario from './scenario.cjs';

test('the package in node:test', () => scenario(untorn));
