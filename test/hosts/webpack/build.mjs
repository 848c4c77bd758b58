import webpack from 'webpack';

const [type] = process.argv.slice(2);
const module = type === 'module';
webpack(
  { mode: 'production', target: 'node20', entry: './program.mjs', experiments: { outputModule: module }, output: { path: `${import.meta.dirname}/out`, filename: module ? 'program.mjs' : 'program.cjs', library: { type }, module, chunkFormat: module ? 'module' : 'commonjs' } },
  (error, stats) => {
    if (error) throw error;
    if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString());
  },
);
