jest.mock('node:fs');
const untorn = require('untorn');
const scenario = require('./scenario.cjs');

test('the package writes real files where Jest has mocked fs', () => scenario(untorn));
