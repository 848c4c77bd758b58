// A version that is too old says so when the package is loaded, however that is done, and by a command.
import { spawnSync } from 'node:child_process';

const ways = { require: ['-e', "require('untorn')"], import: ['--input-type=module', '-e', "import 'untorn'"], command: ['node_modules/untorn/dist/cli/main.cjs', 'write', 'file'] };
for (const [way, args] of Object.entries(ways)) {
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const errors = stderr.match(/^\w*Error.*$/gm) ?? [];
  if (status !== 1 || errors.length !== 1 || !errors[0].includes(`untorn needs Node.js 20.19 or 22.12 or later; this is ${process.version}`)) {
    throw new Error(`${way}: status ${status}, ${stderr}`);
  }
}
