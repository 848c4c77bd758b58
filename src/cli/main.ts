#!/usr/bin/env node
import { writeFile } from '../write-file.ts';

const [command, file] = process.argv.slice(2);
if (command !== 'write' || file === undefined) {
  process.stderr.write('usage: untorn write FILE\n');
  process.exitCode = 2;
} else {
  await writeFile(file, process.stdin);
}
