import { spawnSync } from 'node:child_process';

/** Why no system call can be spoiled here, or false: strace is missing, or another process may not be traced. */
export function reasonNotToTrace(): string | false {
  if (process.platform !== 'linux') return 'needs Linux and strace';
  const { error } = spawnSync('strace', ['-V']);
  if (error !== undefined) return 'needs strace';
  const script = 'sleep 2 & strace -qq -e trace=none -p $! & sleep 0.3; kill $!; wait $!; kill %1';
  const { stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
  return /attach|not permitted/i.test(stderr) && stderr.includes('ptrace') ? `may not trace: ${stderr.trim()}` : false;
}
