// Prints, in milliseconds, what the parts of the package's import take, in the order in which a fresh process meets
// them, and what its functions load when they are called first: here with arguments that they refuse.
const [url, ...names] = process.argv.slice(2);
const parts = [
  ['an empty module', new URL('empty.js', import.meta.url).href],
  ...names.map((name) => [name, name]),
  ['the package itself', url],
];
const taken = {};
for (const [name, module] of parts) {
  const begin = process.hrtime.bigint();
  await import(module);
  taken[name] = Number(process.hrtime.bigint() - begin) / 1e6;
}
const library = await import(url);
for (const name of ['writeFileSync', 'updateFileSync', 'writeJsonSync', 'transactionSync']) {
  const begin = process.hrtime.bigint();
  try {
    library[name](1);
  } catch {
    // It is loaded, and that was it.
  }
  taken[`the first \`${name}()\``] = Number(process.hrtime.bigint() - begin) / 1e6;
}
console.log(JSON.stringify(taken));
