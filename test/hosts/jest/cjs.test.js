const untorn = require('untorn');
const scenario = require('./scenario.cjs');

test('the package in Jest', () => scenario(untorn));
