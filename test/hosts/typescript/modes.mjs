// Compiles the program with one version of TypeScript in every mode of modules that it has, checking the package's own types too.
import { spawnSync } from 'node:child_process';

const [version] = process.argv.slice(2);
const modes = [['commonjs', 'node10'], ['esnext', 'node10'], ['node16', 'node16'], ['nodenext', 'nodenext'], ['esnext', 'bundler']];
if (Number(version) >= 6) modes.push(['commonjs', 'bundler']);
let failed = false;
for (const [module, resolution] of modes) {
  // TypeScript 7 has no node10 any more, and 6 has to be asked.
  if (version === '7.0' && resolution === 'node10') continue;
  const quiet = version === '6.0' && resolution === 'node10' ? ['--ignoreDeprecations', '6.0'] : [];
  const files = resolution === 'node10' || resolution === 'bundler' ? ['program.ts'] : ['program.ts', 'program.cts', 'program.mts'];
  const compiler = `node_modules/typescript-${version}/${Number(version) < 7 ? 'lib/tsc.js' : 'bin/tsc'}`;
  const args = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023', '--types', 'node', '--skipLibCheck', 'false', '--module', module, '--moduleResolution', resolution, ...quiet, ...files];
  const { status, stdout } = spawnSync(process.execPath, [compiler, ...args], { encoding: 'utf8' });
  if (status === 0) continue;
  console.log(`TypeScript ${version}, module ${module}, moduleResolution ${resolution}:\n${stdout}`);
  failed = true;
}
process.exitCode = failed ? 1 : 0;
