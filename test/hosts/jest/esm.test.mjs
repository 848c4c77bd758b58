import * as untorn from 'untorn';
import scenario from './scenario.cjs';

test('the package in Jest', () => scenario(untorn));
