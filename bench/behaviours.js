// What is compared, one entry per row (`short`: its title in the README, if it is there): `run` tries it in a fresh
// folder and gives 'yes', 'no', or 'no: …'; undefined where the contender has no such API.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { attempt, becomes, isRoot, ownNamespace, tracedAttempt } from './attempts.js';
import { contenders } from './contenders.js';
import { syncs } from './trace.js';

const has = (name, ...apis) => apis.some((api) => contenders[name][api] !== undefined);
const yes = (met, otherwise) => (met ? 'yes' : otherwise === undefined ? 'no' : `no: ${otherwise}`);
const run = (program, ...args) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const ended = (how) => (how === 'resolved' ? 'reports success' : how);

/** A file that holds "old", with this mode. */
function old(folder, mode = 0o644) {
  const path = join(folder, 'state');
  writeFileSync(path, 'old');
  chmodSync(path, mode);
  return path;
}

/** Whether the file's content is the new one: "nnnnn", as bytes or as JSON. */
const isNew = (path) => existsSync(path) && /^"?n+"?\n?$/.test(readFileSync(path, 'utf8'));

/**
 * A disk of 256 KiB that holds 160 KiB, to be replaced by as much; or a limit of file sizes that falls into the new
 * content.
 */
function nearlyFull(operation) {
  return (name, folder) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const mounted = isRoot();
    if (mounted) run('mount', '-t', 'tmpfs', '-o', 'size=256k', 'untorn-compare', disk);
    try {
      const path = join(disk, 'state');
      writeFileSync(path, 'o'.repeat(mounted ? 160 << 10 : 90 << 10));
      const before = readFileSync(path, 'utf8');
      const how = attempt(name, operation, path, {
        size: 160 << 10,
        before: mounted ? [] : ['prlimit', `--fsize=${100 << 10}`],
      });
      const after = readFileSync(path, 'utf8');
      return yes(
        after === before && how !== 'resolved',
        after === before ? ended(how) : `${ended(how)}, the file has ${after.length >> 10} of 160 KiB`,
      );
    } finally {
      if (mounted) run('umount', disk);
    }
  };
}

function nameOfTemporary(calls) {
  const rename = calls.findLast(({ name }) => name.startsWith('rename'));
  return /"([^"]*)"/
    .exec(rename?.args ?? '')?.[1]
    ?.split('/')
    .at(-1);
}

/** Runs with the same process id each, so that what comes from it does not count as chance. */
function guessable(name, folder) {
  const before = ownNamespace();
  if (before === undefined) return undefined;
  const names = Array.from({ length: 4 }, () => nameOfTemporary(tracedAttempt(name, old(folder), folder, before)));
  const [first] = names;
  if (first === undefined) return undefined;
  const varying = [...first].filter((letter, index) => names.some((other) => other[index] !== letter)).length;
  return varying >= 16 ? 'yes' : varying === 0 ? 'no: always the same' : `no: ${varying} characters vary`;
}

export const behaviours = [
  {
    title: 'nearly full disk, bytes: old file kept and an error',
    short: 'nearly full disk: old file kept, and an error',
    run: nearlyFull('write'),
  },
  {
    title: 'nearly full disk, a string: old file kept and an error',
    run: (name, folder) => (has(name, 'write') ? nearlyFull('writeString')(name, folder) : undefined),
  },
  {
    title: 'file synced before the rename',
    short: 'file synced before the rename',
    traced: true,
    run: (name, folder) => yes(syncs(tracedAttempt(name, old(folder), folder), folder).file),
  },
  {
    title: 'directory synced after the rename',
    short: 'directory synced after it',
    traced: true,
    run: (name, folder) => yes(syncs(tracedAttempt(name, old(folder), folder), folder).directory),
  },
  {
    title: 'temporary file opened with O_EXCL',
    traced: true,
    run(name, folder) {
      const calls = tracedAttempt(name, old(folder), folder);
      const temporary = nameOfTemporary(calls);
      return temporary === undefined
        ? undefined
        : yes(
            calls.some(
              (call) => call.name === 'openat' && call.args.includes(`${temporary}"`) && call.args.includes('O_EXCL'),
            ),
          );
    },
  },
  {
    title: 'temporary name unguessable: 16 or more characters vary between runs with one process id',
    traced: true,
    run: guessable,
  },
  {
    title: 'mode 0600 kept',
    short: 'mode 0600 kept',
    run(name, folder) {
      const path = old(folder, 0o600);
      attempt(name, 'write', path);
      return yes((statSync(path).mode & 0o777) === 0o600, `0${(statSync(path).mode & 0o777).toString(8)}`);
    },
  },
  {
    title: "another owner's file, saved by a member of its group: group kept",
    root: true,
    run(name, folder) {
      chownSync(folder, 64_001, 64_002);
      chmodSync(folder, 0o775);
      const path = old(folder, 0o664);
      chownSync(path, 64_001, 64_002);
      chmodSync(path, 0o664);
      const how = attempt(name, 'write', path, { before: becomes(64_003, 64_003, 64_002) });
      if (!isNew(path)) return `no: ${how}`;
      return yes(statSync(path).gid === 64_002);
    },
  },
  {
    title: 'ACL kept',
    short: 'ACL kept',
    tool: 'setfacl',
    run(name, folder) {
      const path = old(folder, 0o640);
      run('setfacl', '-m', 'u:64001:r', path);
      const before = run('getfacl', '-nc', path);
      attempt(name, 'write', path);
      return yes(run('getfacl', '-nc', path) === before);
    },
  },
  {
    title: 'dangling link followed',
    run(name, folder) {
      symlinkSync('elsewhere', join(folder, 'link'));
      attempt(name, 'write', join(folder, 'link'));
      return yes(
        lstatSync(join(folder, 'link')).isSymbolicLink() && isNew(join(folder, 'elsewhere')),
        'the link is gone',
      );
    },
  },
  {
    title: 'FIFO refused, and still there',
    run(name, folder) {
      const path = join(folder, 'fifo');
      run('mkfifo', path);
      const how = attempt(name, 'write', path);
      return yes(
        how.startsWith('rejected') && lstatSync(path).isFIFO(),
        lstatSync(path).isFIFO() ? how : 'replaced by a file',
      );
    },
  },
  {
    title: 'sync write after an async one that is under way: the later content stays',
    short: 'last write wins, sync included',
    run(name, folder) {
      if (!has(name, 'writeSync', 'jsonSync')) return undefined;
      const path = join(folder, 'state');
      for (let time = 0; time < 10; time++) {
        writeFileSync(path, 'old');
        attempt(name, 'syncAfterAsync', path);
        if (!readFileSync(path, 'utf8').includes('later')) return 'no';
      }
      return 'yes';
    },
  },
  {
    title: '`Uint16Array(4)`: all 8 bytes are written',
    run(name, folder) {
      if (!has(name, 'write')) return undefined;
      const path = join(folder, 'state');
      const how = attempt(name, 'elements', path);
      const bytes = existsSync(path) ? statSync(path).size : 0;
      return yes(bytes === 8, bytes === 0 ? how : `${bytes} bytes`);
    },
  },
  {
    title: '`undefined` refused, old file kept',
    run(name, folder) {
      if (!has(name, 'write', 'json')) return undefined;
      const path = old(folder);
      const how = attempt(name, 'nothing', path);
      const now = readFileSync(path, 'utf8');
      return yes(
        how.startsWith('rejected') && now === 'old',
        now === 'old' ? how : `the file holds ${JSON.stringify(now)}`,
      );
    },
  },
  {
    title: 'file name of 255 bytes',
    run(name, folder) {
      const path = join(folder, 'n'.repeat(255));
      const how = attempt(name, 'write', path);
      return yes(
        isNew(path) && readdirSync(folder).length === 1,
        isNew(path) ? 'leaves another file' : how === 'resolved' ? 'writes under another name' : how,
      );
    },
  },
  {
    title: 'file name of 256 bytes, which no file can have: an error',
    run(name, folder) {
      const how = attempt(name, 'write', join(folder, 'n'.repeat(256)));
      return yes(
        how.startsWith('rejected') && readdirSync(folder).length === 0,
        how === 'resolved' ? 'writes under another name' : how,
      );
    },
  },
  {
    title: 'source stream that fails: old file kept and an error',
    run(name, folder) {
      if (!has(name, 'stream')) return undefined;
      const path = old(folder);
      const how = attempt(name, 'failingSource', path);
      const kept = readFileSync(path, 'utf8') === 'old';
      return yes(kept && how.startsWith('rejected'), kept ? how : 'replaced by a part');
    },
  },
];
