import * as untorn from 'untorn';
import scenario from './scenario.cjs';

// 'alone': without the native part, which keeps attributes.
scenario(untorn, { acl: process.argv[2] !== 'alone' }).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
