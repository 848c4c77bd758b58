// Prints how many milliseconds a fresh process takes to load a module by `import` or `require`, and to write a file
// with it if one is given.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { contenders } from './contenders.js';

const [how, url, name, path] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const file = fileURLToPath(url);
const data = Buffer.alloc(1024, 'x');
const begin = process.hrtime.bigint();
const library = how === 'require' ? require(file) : await import(url);
if (path !== undefined) await contenders[name].write(library, 'off')(path, data);
console.log(JSON.stringify({ ms: Number(process.hrtime.bigint() - begin) / 1e6 }));
