const sinon = require('sinon');
const untorn = require('untorn');
const scenario = require('./scenario.cjs');

it('the package in mocha, under fake timers', async () => {
  const clock = sinon.useFakeTimers();
  try {
    await scenario(untorn);
  } finally {
    clock.restore();
  }
});
