const untorn = require('untorn');
const scenario = require('./scenario.cjs');

test('the package in Jest, under fake timers', async () => {
  jest.useFakeTimers();
  await scenario(untorn);
});
