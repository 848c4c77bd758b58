// Prints, in milliseconds, what the parts of the package's import take, in the order in which a fresh process meets them; the
// package once more is to compile it and nothing else.
const [url, ...names] = process.argv.slice(2);
const parts = [
  ['an empty module', new URL('empty.js', import.meta.url).href],
  ...names.map((name) => [name, name]),
  ['the package itself', url],
  ['the package once more', `${url}?again`],
];
const taken = {};
for (const [name, module] of parts) {
  const begin = process.hrtime.bigint();
  await import(module);
  taken[name] = Number(process.hrtime.bigint() - begin) / 1e6;
}
console.log(JSON.stringify(taken));
