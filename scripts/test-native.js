// Tries the native part in what `npm test` cannot: with AddressSanitizer and UBSan, on arm64 under qemu-user, and with
// musl. It says what could not be had. Arguments: parts of the names of those to try, all by default.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compile, nativeFile } from './native.js';
import { binaryOf, foreign } from './runtime.js';

const workshop = resolve('build', 'native');
const tests = join('build', 'test', 'native');
const limit = 600_000;

class Unavailable extends Error {}

/** Whether a command succeeds, and what it prints. */
function printed(command, ...args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function needs(command, packages) {
  if (printed('sh', '-c', `command -v ${command}`) === undefined)
    throw new Unavailable(`there is no ${command} (Debian: ${packages})`);
}

function runtime(name) {
  try {
    return binaryOf(foreign[name]);
  } catch (error) {
    throw new Unavailable(error.message);
  }
}

/** The real path of a library of the compiler. */
function libraryOf(name) {
  const found = printed('cc', `-print-file-name=${name}`);
  if (!found?.includes('/')) throw new Unavailable(`the compiler has no ${name}`);
  return realpathSync(found);
}

/** The native part with checks of memory and of arithmetic, in this Node. */
function sanitized() {
  needs('cc', 'gcc libc6-dev');
  const preload = ['libasan.so', 'libubsan.so'].map(libraryOf).join(':');
  const file = join(workshop, 'sanitized.node');
  const checks = [
    '-fsanitize=address,undefined,float-cast-overflow',
    '-fno-sanitize-recover=all',
    '-fno-omit-frame-pointer',
  ];
  compile(`linux-${process.arch}`, 'cc', ['-O1', '-g', ...checks], file);
  return {
    command: [process.execPath, '--test-reporter=spec'],
    env: {
      UNTORN_NATIVE: file,
      UNTORN_NATIVE_SANITIZED: '1',
      UNTORN_NATIVE_RUNS: '5000',
      LD_PRELOAD: preload,
      ASAN_OPTIONS: 'quarantine_size_mb=16:malloc_context_size=2',
      LSAN_OPTIONS: `suppressions=${resolve('test', 'native', 'leaks.txt')}:print_suppressions=0`,
    },
  };
}

/** The file for arm64, in a Node for arm64. */
function onArm64() {
  needs('qemu-aarch64', 'qemu-user');
  needs('aarch64-linux-gnu-gcc', 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross');
  const libraries = '/usr/aarch64-linux-gnu';
  if (printed('ls', join(libraries, 'lib', 'libstdc++.so.6')) === undefined)
    throw new Unavailable('there is no C++ library for arm64 (Debian: libstdc++6-arm64-cross)');
  const file = join(workshop, 'linux-arm64.node');
  compile('linux-arm64', 'aarch64-linux-gnu-gcc', [], file);
  return {
    command: ['qemu-aarch64', runtime('node arm64'), '--test-reporter=spec'],
    env: { UNTORN_NATIVE: file, UNTORN_NATIVE_EMULATOR: 'qemu-aarch64', QEMU_LD_PREFIX: libraries },
  };
}

/** The very file that glibc has too, in a Bun that was built for musl. Its C++ library is that of Debian. */
function withMusl() {
  if (process.arch !== 'x64') throw new Unavailable('it is tried on x64 only');
  needs('musl-gcc', 'musl-tools');
  const bun = runtime('bun musl');
  const libraries = join(workshop, 'musl');
  mkdirSync(libraries, { recursive: true });
  for (const name of ['libstdc++.so.6', 'libgcc_s.so.1']) copyFileSync(libraryOf(name), join(libraries, name));
  const loader = ['-shared', '-fPIC', join('test', 'native', 'musl.c'), '-o', join(libraries, 'ld-linux-x86-64.so.2')];
  if (printed('musl-gcc', ...loader) === undefined) throw new Error('musl-gcc could not compile test/native/musl.c');
  return {
    command: [bun, 'test', '--timeout', '60000'],
    env: { UNTORN_NATIVE: resolve(nativeFile('linux-x64')), LD_LIBRARY_PATH: libraries },
  };
}

const places = { 'sanitizers': sanitized, 'arm64': onArm64, 'musl': withMusl };

function tryIn(name, prepare) {
  console.log(`\n=== The native part, ${name}`);
  const { command, env } = prepare();
  const files = readdirSync(tests).filter((file) => file.endsWith('.test.js'));
  for (const file of files) {
    const [program, ...args] = [...command, `./${join(tests, file)}`];
    const options = { stdio: 'inherit', timeout: limit, env: { ...process.env, ...env } };
    const { status, signal } = spawnSync(program, args, options);
    if (status !== 0) throw new Error(`${file} failed (${signal ?? `exit status ${status}`})`);
  }
  return 'passed';
}

mkdirSync(workshop, { recursive: true });
const wanted = process.argv.slice(2);
const results = [];
for (const [name, prepare] of Object.entries(places)) {
  if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
  try {
    if (process.platform !== 'linux') throw new Unavailable('it is tried on Linux only');
    results.push([name, tryIn(name, prepare)]);
  } catch (error) {
    if (!(error instanceof Unavailable)) process.exitCode = 1;
    results.push([name, error instanceof Unavailable ? `not tried: ${error.message}` : `failed: ${error.message}`]);
  }
}
console.log(`\n${results.map(([name, result]) => `${name}: ${result}`).join('\n')}`);
