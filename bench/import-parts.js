// Prints, in milliseconds, what the parts of the package's import take, in the order in which a fresh process meets them; the
// package once more is to compile it and nothing else.
const [url, ...names] = process.argv.slice(2);
const again = 'the package once more';
const taken = {};
for (const name of [...names, url, `${url}?again`]) {
  const begin = process.hrtime.bigint();
  await import(name);
  taken[name === url ? 'the package itself' : name.startsWith(url) ? again : name] = Number(process.hrtime.bigint() - begin) / 1e6;
}
console.log(JSON.stringify(taken));
