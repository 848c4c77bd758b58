// Builds the native part of the package: one file for this machine, or with --all the files for every system, which the
// package has. It is optional everywhere: where a file is missing or cannot be loaded, the package goes without it.
//
// One file serves every Linux of an architecture, with glibc or with musl. It is linked with no library at all: Node
// itself has the functions of Node-API, and the C library that Node uses has the few others. On Windows the functions of
// Node-API are looked for in the program that loads the file (native/windows.c).
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const headers = join('node_modules', 'node-api-headers', 'include');
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const here = `${process.platform}-${process.arch}`;

const warnings = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wshadow'];
const common = ['-std=c11', '-Os', '-fvisibility=hidden', '-I', headers, ...warnings, '-shared'];
// Every function is looked for when the file is loaded: if one is missing, that fails, and no call later.
const linux = [...common, '-fPIC', '-nostdlib', '-Wl,-z,now,-z,noseparate-code,--build-id=none'];

/** What the package has: the compiler, the packages of Debian that it comes from, and how it is called. */
const targets = {
  'linux-x64': { compiler: 'x86_64-linux-gnu-gcc', packages: 'gcc libc6-dev', flags: linux, system: 'linux' },
  'linux-arm64': {
    compiler: 'aarch64-linux-gnu-gcc',
    packages: 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross',
    // Data that is protected after loading would begin with a page, and those have up to 64 kB there.
    flags: [...linux, '-Wl,-z,norelro'],
    system: 'linux',
  },
  'win32-x64': {
    compiler: 'x86_64-w64-mingw32-gcc',
    packages: 'gcc-mingw-w64-x86-64',
    flags: [...common, '-DNAPI_EXTERN=__declspec(dllimport)', '-nostdlib', '-Wl,--entry,DllMain,--no-insert-timestamp'],
    libraries: ['-lgcc', '-lmsvcrt', '-lkernel32'],
    system: 'windows',
  },
};

const probes = {
  linux: '#include <stdlib.h>\n#include <linux/fs.h>\n',
  windows: '#include <stdlib.h>\n#include <windows.h>\n',
};

/** Where the file for a system is: in the folder of the package's parts. */
export function nativeFile(target = here) {
  return join('dist', `v${version}`, `${target}.node`);
}

/** Whether a compiler is there, and the headers of its C library. */
export function canCompile(compiler, system) {
  return spawnSync(compiler, ['-fsyntax-only', '-x', 'c', '-'], { input: probes[system] }).status === 0;
}

/** Compiles the sources for a system; throws if they do not compile. */
export function compile(target, compiler, further, output = nativeFile(target)) {
  const { flags, system, libraries = [] } = targets[target];
  mkdirSync(dirname(output), { recursive: true });
  const args = [...flags, ...further, 'native/untorn.c', `native/${system}.c`, ...libraries, '-o', output];
  const { status, error } = spawnSync(compiler, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`The native part for ${target} does not compile`, { cause: error });
}

/** For tests of the modules themselves, which look for this machine's file in the folder that they are in. */
function copyForModules() {
  const beside = join('build', 'src', 'system');
  if (existsSync(beside) && existsSync(nativeFile())) copyFileSync(nativeFile(), join(beside, `${here}.node`));
}

/** For every system, by Debian's compilers, to which a warning is an error. */
function buildAll() {
  const all = Object.entries(targets);
  const missing = all.filter(([, { compiler, system }]) => !canCompile(compiler, system));
  if (missing.length > 0) {
    const compilers = missing.map(([, { compiler }]) => compiler).join(', ');
    const packages = missing.map(([, target]) => target.packages).join(' ');
    throw new Error(
      `The native part cannot be built without ${compilers}. Debian has them: apt-get install ${packages}`,
    );
  }
  for (const [target, { compiler }] of all) compile(target, compiler, ['-s', '-Werror', '-fanalyzer']);
  copyForModules();
}

/** For this machine, by its own compiler, if it has one. */
function buildHere() {
  const system = targets[here]?.system;
  if (system !== 'linux') console.log(`No native part is built on ${here}`);
  else if (!canCompile('cc', system)) console.log('No native part: there is no C compiler (cc), or it has no headers');
  else {
    compile(here, 'cc', ['-s']);
    copyForModules();
  }
}

if (import.meta.filename === process.argv[1]) {
  try {
    if (process.argv[2] === '--all') buildAll();
    else buildHere();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
