/** What is known not to hold on a runtime, and why; docs/guarantees.md says the same. */
const underPermission = {
  'replaceDirectory() swaps what a link leads to':
    'Node makes symbolic links only for programs that may read and write everything; the old directory stays',
};

const known = {
  ...Object.fromEntries(['20', '22', '24', '26'].map((version) => [`node ${version} --permission`, underPermission])),
  'deno 2': {
    'EFBIG at RLIMIT_FSIZE keeps the old file':
      'SIGXFSZ ends the process, where Node and Bun ignore it; the old file stays, and a temporary one for sweep()',
    'an uncaught exception leaves no temporary file':
      'there is no exit event after an uncaught exception; sweep() removes the file',
  },
};

/** By the name of the behaviour. */
export function differences(runtime) {
  return known[runtime] ?? {};
}
