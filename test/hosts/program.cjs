const untorn = require('untorn');
const scenario = require('./scenario.cjs');

scenario(untorn, { acl: process.argv[2] !== 'alone' }).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
