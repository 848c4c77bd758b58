const untorn = require('untorn');
const scenario = require('./scenario.cjs');

scenario(untorn, { acl: process.argv[2] !== 'alone', durable: process.argv[2] === 'restricted' ? 'unsupported' : true }).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
