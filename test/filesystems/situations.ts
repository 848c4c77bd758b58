/** Situations that programs can be in, on ext4. */
import { spawn } from 'node:child_process';
import { readlink, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { How } from './actors.ts';
import type { Filesystem } from './filesystem.ts';
import { environment, sleep, type Place } from './place.ts';

function situation(
  name: string,
  how: (target: Place) => Promise<readonly [How, How?]> | readonly [How, How?],
  {
    quick = [],
    packages = [],
    owner,
  }: { quick?: readonly string[]; packages?: readonly string[]; owner?: number } = {},
): Filesystem {
  return {
    name,
    packages,
    quick,
    // The two processes are a matter of where they run, not of what is on the disk.
    mount: async (target) => ({
      folder: await target.lower('mounted'),
      how: await how(target),
      ...(owner !== undefined && { owner }),
    }),
  };
}

const inNamespaces = (...options: string[]): How => ({
  under: ['unshare', ...options, '--fork', '--kill-child', '--'],
});
const user: How = { under: ['setpriv', '--reuid=64001', '--regid=64001', '--clear-groups', '--'] };

/** A user namespace in which the ids from 65536 on are nobody's: they are seen as 65534, which is somebody's. */
async function fewIds(target: Place): Promise<readonly [How]> {
  const holder = spawn('unshare', ['--user', 'sleep', 'infinity'], { env: environment, stdio: 'ignore' });
  target.afterwards(async () => holder.kill('SIGKILL'));
  const own = await readlink('/proc/self/ns/user');
  for (let waited = 0; (await readlink(`/proc/${holder.pid}/ns/user`)) === own; waited += 10) {
    if (waited > 5000) throw new Error('no user namespace');
    await sleep(10);
  }
  for (const map of ['uid_map', 'gid_map']) await writeFile(`/proc/${holder.pid}/${map}`, '0 0 65536');
  return [{ under: ['nsenter', '--user', `--target=${holder.pid}`, '--setuid=0', '--setgid=0', '--'] }];
}

function withoutInotify([{ under = [] }]: readonly [How]): How {
  return { under: [...under, 'sh', '-c', 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"', 'sh'] };
}

async function refusing(target: Place, what: string): Promise<readonly [How]> {
  const binary = target.at('refuse');
  // From the compiled test to the source beside it.
  await target.run(
    'cc',
    '-O1',
    '-o',
    binary,
    fileURLToPath(new URL('../../../test/filesystems/refuse.c', import.meta.url)),
  );
  return [{ under: [binary, what] }];
}

export const situations: readonly Filesystem[] = [
  situation('an ordinary user', () => [user], {
    owner: 64_001,
    quick: ['write', 'mode and owner given', 'keep', 'shared directory', 'transaction'],
  }),
  situation('a user namespace that maps ids below 65536 only', fewIds, { quick: ['mode and owner given', 'keep'] }),
  situation('as PID 1, each process in a pid namespace of its own', () => [inNamespaces('--pid', '--mount-proc')], {
    quick: ['updates', 'takeover', 'sweep', 'signals'],
  }),
  situation('one of two processes in another pid namespace', () => [{}, inNamespaces('--pid', '--mount-proc')]),
  situation(
    'one of two processes in another time namespace',
    () => [{}, inNamespaces('--time', '--boottime=1000000')],
    { quick: ['updates', 'takeover', 'sweep'] },
  ),
  situation(
    'without /proc',
    () => [{ under: ['unshare', '--mount', '--', 'sh', '-c', 'umount -l /proc && exec "$@"', 'sh'] }],
    { quick: ['write', 'keep', 'updates', 'transaction', 'sweep'] },
  ),
  situation('without inotify', async (target) => [withoutInotify(await fewIds(target))], {
    quick: ['updates', 'takeover'],
  }),
  situation('without the native part', () => [{ env: { UNTORN_NATIVE: 'off' } }], {
    quick: ['write', 'create only', 'keep', 'transaction', 'directory exchanged'],
  }),
  situation('link(2) is refused (EPERM)', (target) => refusing(target, 'no-link'), { packages: ['gcc', 'libc6-dev'] }),
  situation('set-id bits are refused (EPERM)', (target) => refusing(target, 'no-set-id'), {
    packages: ['gcc', 'libc6-dev'],
  }),
  situation('extended attributes are refused (EPERM)', (target) => refusing(target, 'no-attributes'), {
    packages: ['gcc', 'libc6-dev'],
  }),
  situation('Landlock: no directory may be removed', (target) => refusing(target, 'no-removal-of-directories'), {
    packages: ['gcc', 'libc6-dev'],
  }),
];
