// Makes the command executable: tsc writes plain files, and `npm link` and a clone use dist/ as it is.
import { chmodSync } from 'node:fs';

chmodSync('dist/cli/main.js', 0o755);
