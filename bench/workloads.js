// Every workload of the benchmark: what is done, by whom, and which floor it has. Sizes in bytes.
const KiB = 1 << 10;
const MiB = 1 << 20;
const GiB = 1 << 30;

const wfa = 'write-file-atomic';
const fast = 'fast-write-atomic';
const fsStream = 'fs-write-stream-atomic';

/** The C program: arguments as in floor.c. */
const c = (name, mode, extra = {}) => ({ [name]: { mode, threads: 1, ...extra } });
const plain = 'plain callbacks';
const durable = ['untorn', wfa, 'atomically', fast, 'node:fs', plain];
const undurable = ['untorn', wfa, 'atomically', 'steno', 'node:fs', plain];

const written = [
  {
    id: 'rewrite-full-async',
    title: '1 KiB rewritten 1,000 times, each awaited',
    durability: 'full',
    kind: 'rewrite',
    api: 'write',
    count: 1000,
    size: KiB,
    by: durable,
    floors: c('C', 'rewrite'),
  },
  {
    id: 'rewrite-normal-async',
    title: '1 KiB rewritten 1,000 times, each awaited',
    durability: 'normal',
    kind: 'rewrite',
    api: 'write',
    count: 1000,
    size: KiB,
    by: ['untorn', wfa, 'atomically', fast],
    floors: {},
  },
  {
    id: 'rewrite-full-sync',
    title: '1 KiB rewritten 1,000 times, sync API',
    durability: 'full',
    kind: 'rewrite',
    api: 'writeSync',
    count: 1000,
    size: KiB,
    by: ['untorn', wfa, 'atomically', 'node:fs', plain],
    floors: c('C', 'rewrite'),
  },
  {
    id: 'rewrite-off-async',
    title: '1 KiB rewritten 1,000 times, each awaited',
    durability: 'off',
    kind: 'rewrite',
    api: 'write',
    count: 1000,
    size: KiB,
    by: undurable,
    floors: c('C', 'rewrite'),
  },
  {
    id: 'rewrite-off-sync',
    title: '1 KiB rewritten 1,000 times, sync API',
    durability: 'off',
    kind: 'rewrite',
    api: 'writeSync',
    count: 1000,
    size: KiB,
    by: ['untorn', wfa, 'atomically', 'node:fs', plain],
    floors: c('C', 'rewrite'),
  },
  {
    id: 'files-full',
    title: '1,000 new files of 1 KiB at once, one directory',
    durability: 'full',
    kind: 'files',
    api: 'write',
    count: 1000,
    size: KiB,
    by: durable,
    floors: { ...c('C', 'files'), ...c('C, 4 threads', 'files', { threads: 4 }) },
  },
  {
    id: 'files-off',
    title: '1,000 new files of 1 KiB at once, one directory',
    durability: 'off',
    kind: 'files',
    api: 'write',
    count: 1000,
    size: KiB,
    by: undurable,
    floors: { ...c('C', 'files'), ...c('C, 4 threads', 'files', { threads: 4 }) },
  },
  {
    id: 'write-files-full',
    title: '1,000 new files of 1 KiB by one call of writeFiles()',
    durability: 'full',
    kind: 'files',
    api: 'writeAll',
    count: 1000,
    size: KiB,
    by: ['untorn'],
    floors: { ...c('C', 'files'), ...c('C, 4 threads', 'files', { threads: 4 }) },
  },
  {
    id: 'update-full',
    title: '1 KiB updated 1,000 times under the lock, each awaited',
    durability: 'full',
    kind: 'rewrite',
    api: 'update',
    count: 1000,
    size: KiB,
    by: ['untorn', 'untorn, a plain write'],
    floors: {},
  },
  {
    id: 'burst-full',
    title: 'One file of 1 KiB written 1,000 times at once',
    durability: 'full',
    kind: 'burst',
    api: 'write',
    count: 1000,
    size: KiB,
    by: ['untorn', wfa, 'atomically', 'steno', plain],
    floors: c('C, two writes', 'rewrite', { count: 2 }),
  },
  {
    id: 'replace-1MiB',
    title: '1 MiB buffer replaces a file of its size',
    durability: 'full',
    kind: 'rewrite',
    api: 'write',
    count: 1,
    size: MiB,
    by: durable,
    floors: c('C', 'rewrite'),
  },
  {
    id: 'replace-100MiB',
    title: '100 MiB buffer replaces a file of its size',
    durability: 'full',
    kind: 'rewrite',
    api: 'write',
    count: 1,
    size: 100 * MiB,
    by: durable,
    floors: c('C', 'rewrite'),
  },
  {
    id: 'replace-1GiB',
    title: '1 GiB buffer replaces a file of its size',
    durability: 'full',
    kind: 'rewrite',
    api: 'write',
    count: 1,
    size: GiB,
    by: durable,
    floors: c('C', 'rewrite'),
  },
  {
    id: 'stream-1GiB',
    title: '1 GiB streamed in chunks of 64 KiB, replaces a file of its size',
    durability: 'full',
    kind: 'stream',
    api: 'stream',
    count: 1,
    size: GiB,
    chunk: 64 * KiB,
    by: ['untorn', 'atomically', fsStream, 'node:fs'],
    floors: c('C', 'rewrite'),
  },
  {
    id: 'json-10MB',
    title: '10 MB JSON object',
    durability: 'full',
    kind: 'json',
    api: 'json',
    count: 1,
    size: 10e6,
    by: ['untorn', 'write-json-file', 'JSON.stringify'],
    floors: {},
  },
];

const started = [
  {
    id: 'import',
    title: 'Import of the package',
    kind: 'import',
    how: 'import',
    by: ['untorn', wfa, 'atomically', 'steno', fast, 'write-json-file', fsStream],
    floors: { 'empty module': {} },
  },
  {
    id: 'require',
    title: '`require()` of the package',
    kind: 'import',
    how: 'require',
    by: ['untorn', wfa, 'atomically', fast, fsStream],
    floors: { 'empty module': {} },
  },
  {
    id: 'first-write',
    title: 'Import of the package and a first write of 1 KiB',
    durability: 'off',
    kind: 'import',
    how: 'import',
    writes: true,
    by: ['untorn', wfa, 'atomically', 'steno'],
    floors: {},
  },
  {
    id: 'command-1KiB',
    title: '`untorn write` of 1 KiB from a pipe, whole process',
    kind: 'command',
    size: KiB,
    by: ['untorn', 'sponge'],
    floors: { 'node -e 0': {} },
  },
  {
    id: 'command-100MiB',
    title: '`untorn write` of 100 MiB from a pipe, whole process',
    kind: 'command',
    size: 100 * MiB,
    by: ['untorn', 'sponge'],
    floors: { 'node -e 0': {} },
  },
];

const count = [1, 10, 100, 1000, 10_000].map((number) => ({
  id: `scale-files-${number}`,
  title: `${number.toLocaleString('en')} new files of 1 KiB at once`,
  scale: { of: 'files', at: number },
  durability: 'full',
  kind: 'files',
  api: 'write',
  count: number,
  size: KiB,
  by: ['untorn'],
  floors: c('C, 4 threads', 'files', { threads: 4 }),
}));
const size = [KiB, 32 * KiB, MiB, 32 * MiB, GiB].map((bytes) => ({
  id: `scale-bytes-${bytes}`,
  title: `${bytes.toLocaleString('en')} bytes replace a file of that size`,
  scale: { of: 'bytes', at: bytes },
  durability: 'full',
  kind: 'rewrite',
  api: 'write',
  count: 1,
  size: bytes,
  by: ['untorn'],
  floors: c('C', 'rewrite'),
}));

export const workloads = [...written, ...started, ...count, ...size];

/** Smaller, for a look that takes a minute. */
export function shrink(workload) {
  const smaller = {
    ...workload,
    count: Math.min(workload.count ?? 1, 100),
    size: Math.min(workload.size ?? 0, 16 * MiB),
  };
  const reduced = smaller.count !== (workload.count ?? 1) || smaller.size !== (workload.size ?? 0);
  return {
    ...smaller,
    reduced,
    title: reduced ? `${workload.title} (reduced: ${smaller.count} × ${smaller.size} bytes)` : workload.title,
  };
}
