// Every kind of call, in the folder that is named.
import { atomicWrite, createWriter, readJson, recover, sweep, transaction, updateFile, updateJson, writeFile, writeFileSync } from 'untorn';

const at = (name) => `${Deno.args[0]}/${name}`;
await writeFile(at('file'), 'new');
writeFileSync(at('file'), 'newer');
await atomicWrite(at('file'), (file) => file.write('newest'));
await updateFile(at('file'), (old) => `${old}+`, 'utf8');
await updateJson(at('json'), (value) => value + 1, { initial: 0 });
if ((await readJson(at('json'))) !== 1) throw new Error('another value');
await transaction(async (tx) => {
  await tx.writeFile(at('file'), 'together');
  await tx.remove(at('json'));
});
const writer = createWriter(at('file'));
await writer.write('written');
await writer.close();
await recover(at('.'));
await sweep(at('.'));
const left = [...Deno.readDirSync(at('.'))].map(({ name }) => name);
if (left.join() !== 'file') throw new Error(`There are ${left}`);
