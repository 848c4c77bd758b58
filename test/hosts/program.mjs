import * as untorn from 'untorn';
import scenario from './scenario.cjs';

// 'alone': where the addon for attributes cannot be had; 'restricted': where directories cannot be synced.
scenario(untorn, { acl: process.argv[2] !== 'alone', durable: process.argv[2] === 'restricted' ? 'unsupported' : true }).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
