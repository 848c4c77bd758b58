const untorn = require('untorn');
const scenario = require('./scenario.cjs');

it('the package in mocha', () => scenario(untorn));
