// nodejs.org/api/single-executable-applications.html
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { buildSync } from 'esbuild';
import { inject } from 'postject';

buildSync({ entryPoints: ['program.mjs'], bundle: true, platform: 'node', format: 'cjs', outfile: 'bundle.cjs' });
writeFileSync('sea.json', JSON.stringify({ main: 'bundle.cjs', output: 'sea.blob', disableExperimentalSEAWarning: true }));
execFileSync(process.execPath, ['--experimental-sea-config', 'sea.json'], { stdio: ['ignore', 'ignore', 'inherit'] });
copyFileSync(process.execPath, 'program');
chmodSync('program', 0o755);
await inject('program', 'NODE_SEA_BLOB', readFileSync('sea.blob'), { sentinelFuse: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2' });
