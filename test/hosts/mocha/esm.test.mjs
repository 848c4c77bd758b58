import * as untorn from 'untorn';
import scenario from './scenario.cjs';

it('the package in mocha', () => scenario(untorn));
