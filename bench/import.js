// Prints how many milliseconds the import of a module takes in a fresh process.
const url = process.argv[2];
const begin = process.hrtime.bigint();
await import(url);
console.log(JSON.stringify({ ms: Number(process.hrtime.bigint() - begin) / 1e6 }));
