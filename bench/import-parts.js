// Prints, in milliseconds, what the parts of the package's import take, in the order in which a fresh process meets them.
const [url, ...names] = process.argv.slice(2);
const taken = {};
for (const name of [...names, url]) {
  const begin = process.hrtime.bigint();
  await import(name);
  taken[name === url ? 'the package itself' : name] = Number(process.hrtime.bigint() - begin) / 1e6;
}
console.log(JSON.stringify(taken));
