// V8's own profiler, in the process that is looked at. CommonJS, so that `--require` loads it first: with
// UNTORN_BENCH_PROFILE it begins at once, and puts the profile into the file of that name when the process ends. With
// UNTORN_BENCH_MARK it only shows V8's log where that would be.
const { writeFileSync } = require('node:fs');
const { Session } = require('node:inspector');

/** Microseconds between two looks at the stack. */
const interval = 100;
const session = new Session();

/** Such calls are answered before they return. */
function ask(method, parameters) {
  let answer;
  session.post(method, parameters, (error, result) => {
    if (error) throw new Error(`${method}: ${error.message}`);
    answer = result;
  });
  return answer;
}

exports.start = () => {
  session.connect();
  ask('Profiler.enable');
  ask('Profiler.setSamplingInterval', { interval });
  ask('Profiler.start');
};

exports.stop = () => {
  const { profile } = ask('Profiler.stop');
  session.disconnect();
  return profile;
};

exports.mark = function untornBenchBegin() {};

const { UNTORN_BENCH_PROFILE: file, UNTORN_BENCH_MARK: isMarked } = process.env;
if (isMarked !== undefined) exports.mark();
if (file !== undefined) {
  process.once('exit', () => writeFileSync(file, JSON.stringify({ profile: exports.stop() })));
  exports.start();
}
