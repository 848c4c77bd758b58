const { test } = require('node:test');
const scenario = require('./scenario.cjs');

test('the package in node:test', () => scenario(require('untorn')));
