/** What is tried with a folder that two machines share; each is told by one verdict. */
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Change } from '../filesystems/actor.ts';
import { ActorError } from '../filesystems/actors.ts';
import { counted, together, verdict, type Verdict } from '../filesystems/verdict.ts';
import type { Machine } from './machines.ts';
import { Remote } from './remote.ts';
import { shared } from './servers.ts';

/** Two machines with the folder, and how much is tried. */
export interface Pair {
  readonly machines: readonly [Machine, Machine];
  /** The machine whose disk it is: what is there, it knows without a cache. */
  readonly server: Machine;
  readonly amount: { readonly milliseconds: number; readonly times: number; readonly kills: number };
}

export interface Trial {
  readonly name: string;
  readonly about: string;
  run(pair: Pair): Promise<Verdict>;
}

/** Longer than a lease. */
const lock = { timeout: 60_000 };
let folders = 0;

/** A new folder. Nobody has looked for it before, so that no machine remembers that it was not there. */
async function newFolder(maker: Remote): Promise<string> {
  const folder = join(shared, `trial-${++folders}`);
  await maker.plain('mkdir', folder);
  return folder;
}

const onServer = (path: string): string => path.replace(shared, '/mnt/disk');

function namesIn({ server }: Pair, folder: string): string[] {
  const names = server.run(`ls -A ${onServer(folder)}`).split('\n');
  // Names of files that were removed while a client had them open.
  return names.filter((name) => name !== '' && !name.startsWith('.nfs'));
}

/** Undefined if there is no such file. */
function textOf({ server }: Pair, path: string): string | undefined {
  const text = server.run(`cat ${onServer(path)} 2>/dev/null || echo -n absent`);
  return text === 'absent' ? undefined : text;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 120_000; !(await isSo()); await setTimeout(50))
    if (Date.now() > end) throw new Error('It did not come to be in two minutes');
}

async function withActors<T>({ machines }: Pair, use: (one: Remote, other: Remote) => Promise<T>): Promise<T> {
  const actors = await Promise.all(machines.map((machine) => Remote.on(machine)));
  try {
    return await use(actors[0]!, actors[1]!);
  } finally {
    await Promise.all(actors.map((actor) => actor.kill()));
  }
}

function textAt(actor: Remote, path: string): Promise<string | undefined> {
  return actor.plain<string>('readFile', path, 'utf8').catch((error: unknown) => {
    if (error instanceof ActorError && error.code === 'ENOENT') return undefined;
    throw error;
  });
}

const readers: Trial = {
  name: 'readers',
  about:
    'One machine writes without a pause, and the other one reads by the package: it sees whole versions only, and always one.',
  run: (pair) =>
    withActors(pair, async (writer, reader) => {
      const path = join(await newFolder(writer), 'file');
      const { milliseconds } = pair.amount;
      await writer.do('writeVersions', path, 'a', { milliseconds: 0, least: 1, plain: false });
      const parts: [string, Verdict][] = [];
      for (const how of ['readVersioned', 'readVersionedSync'] as const) {
        const reading = reader.do('readVersions', path, how);
        const wrote = await writer.do('writeVersions', path, 'a', { milliseconds, least: 20, plain: false });
        reader.stop();
        const { seen, examples } = await reading;
        const wrong = [...seen.keys()].filter((one) => one !== 'whole');
        const details = [`${wrote.writes} writes, ${counted(wrote.errors)}; ${counted(seen)}`, ...examples];
        const isTrue = wrong.length === 0 && wrote.errors.size === 0 && (seen.get('whole') ?? 0) > 0;
        parts.push([how, verdict(isTrue ? 'holds' : 'VIOLATION', isTrue ? '' : counted(seen), details)]);
      }
      return together(parts);
    }),
};

const creations: Trial = {
  name: 'create race',
  about: '`overwrite: false`: both machines create the same files. Each file has exactly one winner, and its content.',
  run: (pair) =>
    withActors(pair, async (one, other) => {
      const folder = await newFolder(one);
      const { times } = pair.amount;
      const [a, b] = await Promise.all([
        one.do('createFiles', folder, 'a', times),
        other.do('createFiles', folder, 'b', times),
      ]);
      const wrong: string[] = [...a.untrue, ...b.untrue];
      for (let number = 0; number < times; number++) {
        const winners = [a.won.includes(number) && 'a', b.won.includes(number) && 'b'].filter((won) => won !== false);
        const text = textOf(pair, join(folder, `created-${number}`));
        if (winners.length > 1 || (winners.length === 1 && text !== `${winners[0]} ${number}`))
          wrong.push(`created-${number}: won by ${winners.join(' and ')}, and holds ${text}`);
      }
      const details = [`${a.won.length} + ${b.won.length} of ${times}; ${counted(a.errors)}; ${counted(b.errors)}`];
      return wrong.length > 0
        ? verdict('VIOLATION', wrong[0], wrong)
        : a.won.length + b.won.length === times
          ? verdict('holds', '', details)
          : verdict('refused', counted(a.errors), details);
    }),
};

const updates: Trial = {
  name: 'updates',
  about: 'Two processes on each machine count in one file. The file has every acknowledged count, and nothing is left.',
  async run(pair) {
    const [one, other, third, fourth] = await Promise.all(
      [...pair.machines, ...pair.machines].map((machine) => Remote.on(machine)),
    );
    const all = [one!, other!, third!, fourth!];
    try {
      const parts: [string, Verdict][] = [];
      for (const way of ['updateFile', 'updateFileSync', 'ifMatch'] as const) {
        const folder = await newFolder(all[0]!);
        const path = join(folder, 'count');
        await all[0]!.call('writeFile', path, `${'0;'.repeat(100)}\n`);
        const done = await Promise.all(all.map((actor) => actor.do('update', path, pair.amount.times, way, lock)));
        const acknowledged = done.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
        const unknown = done.reduce((sum, { unknown }) => sum + unknown, 0);
        const final = Number.parseInt(textOf(pair, path) ?? '', 10);
        const errors = done.flatMap(({ errors }) => [...errors.keys()]);
        const left = namesIn(pair, folder).filter((name) => name !== 'count');
        const isTrue = final >= acknowledged && final <= acknowledged + unknown && done.every(({ torn }) => torn === 0);
        const text = `${acknowledged} acknowledged, ${final} in the file, ${unknown} unknown, left: ${left.join(' ')}`;
        parts.push([
          way,
          verdict(
            !isTrue || left.length > 0 ? 'VIOLATION' : errors.length > 0 ? 'refused' : 'holds',
            isTrue && left.length === 0 ? [...new Set(errors)].join(', ') : text,
            [text, ...done.flatMap(({ examples }) => examples)],
          ),
        ]);
      }
      return together(parts);
    } finally {
      await Promise.all(all.map((actor) => actor.kill()));
    }
  },
};

/** What a machine remembers of a name, while it waits for the lock, is not what it replaces. */
const remembered: Trial = {
  name: 'a name that is remembered',
  about:
    'A machine has read the file, and waits for its lock with `ifMatch`, while the other one replaces the file. The server ' +
    'still has the old one open. The first machine finds the new content, and replaces nothing.',
  run: (pair) =>
    withActors(pair, async (holder, waiter) => {
      const { server } = pair;
      const folder = await newFolder(holder);
      const path = join(folder, 'file');
      await holder.call('writeFile', path, 'old');
      server.run(`(exec 9<${onServer(path)}; sleep 60) >/dev/null 2>&1 &`);
      const { version } = (await waiter.call('readVersioned', path)) as { version: string };
      const held = holder.do('hold', path, 'new', lock);
      await holder.event('held');
      const waiting = waiter.do('casWrite', path, 'late', version as never).then(
        () => 'done',
        (error: unknown) => (error instanceof ActorError ? `${error.code} ${error.outcome}` : String(error)),
      );
      const isWaiting = (): boolean => namesIn(pair, join(folder, '.file.untorn-lock')).length > 1;
      await until(async () => isWaiting());
      await holder.do('release');
      await held;
      const came = await waiting;
      const text = textOf(pair, path);
      const isTrue = came === 'ERR_VERSION_CONFLICT old' && text === 'new';
      return verdict(isTrue ? 'holds' : 'VIOLATION', isTrue ? '' : `${came}, ${text}`, [came]);
    }),
};

/** A holder that is dead, and one that only stands still. */
const takeover: Trial = {
  name: 'takeover',
  about:
    'A process dies, or is stopped, while it holds a lock. The other machine takes it over once its lease is over. The ' +
    'one that was stopped goes on later, and changes nothing.',
  run: async (pair) => {
    const parts: [string, Verdict][] = [];
    for (const signal of ['KILL', 'STOP'] as const)
      parts.push([
        signal === 'KILL' ? 'dead' : 'stopped',
        await withActors(pair, async (holder, other) => {
          const path = join(await newFolder(holder), 'file');
          await holder.call('writeFile', path, 'old');
          const held = holder.do('hold', path, 'late', lock).then(
            () => 'done',
            (error: unknown) => (error instanceof ActorError ? `${error.code} ${error.outcome}` : 'ended'),
          );
          await holder.event('held');
          if (signal === 'KILL') await holder.kill();
          else holder.signal('STOP');
          const began = performance.now();
          const taken = other.do('hold', path, 'new', lock);
          await other.event('held');
          const seconds = ((performance.now() - began) / 1000).toFixed(1);
          await other.do('release');
          await taken;
          let came = 'ended';
          if (signal === 'STOP') {
            holder.signal('CONT');
            await holder.do('release');
            came = await held;
          }
          const text = textOf(pair, path);
          const isTrue = text === 'new' && came !== 'done';
          return verdict(isTrue ? 'holds' : 'VIOLATION', isTrue ? '' : `${came}, ${text}`, [
            `after ${seconds} s; ${came}`,
          ]);
        }),
      ]);
    return together(parts);
  },
};

const transactions: Trial = {
  name: 'transactions',
  about:
    'A transaction of one machine is killed before each of many calls. The other one recovers it: all changes are made ' +
    'or none, and nothing is left.',
  run: (pair) =>
    withActors(pair, async (looker, recoverer) => {
      const lease = { ...lock, lease: 10_000 };
      const changesIn = (folder: string): Change[] => [
        { write: join(folder, 'written'), content: 'new' },
        { write: join(folder, 'created'), content: 'new' },
        { remove: join(folder, 'removed') },
      ];
      const prepare = async (): Promise<string> => {
        const folder = await newFolder(looker);
        for (const name of ['written', 'removed']) await looker.call('writeFile', join(folder, name), 'old');
        return folder;
      };
      const counter = await Remote.on(pair.machines[0], { counts: true });
      await counter.do('stopAt', Number.POSITIVE_INFINITY);
      await counter.do('transaction', changesIn(await prepare()), lease);
      const calls = await counter.do('calls');
      await counter.kill();
      const step = Math.max(1, calls / pair.amount.kills);
      const killed: { folder: string; at: number }[] = [];
      for (let at = step / 2; at < calls; at += step) {
        const folder = await prepare();
        const victim = await Remote.on(pair.machines[0], { counts: true });
        await victim.do('stopAt', Math.floor(at));
        const performed = victim.do('transaction', changesIn(folder), lease).catch(() => undefined);
        await Promise.race([victim.event('stopped').catch(() => undefined), performed]);
        await victim.kill();
        killed.push({ folder, at: Math.floor(at) });
      }
      const wrong: string[] = [];
      const states = { old: 0, new: 0 };
      for (const { folder, at } of killed) {
        let left: string[] = [];
        // Its locks count as left once they have shown no sign of life for two leases. If it died before it took any,
        // only its staged files are there, and nothing tells whether it lives.
        await until(async () => {
          await recoverer.call('recover', folder);
          left = namesIn(pair, folder).filter((name) => name.startsWith('.'));
          return left.every((name) => name.includes('.untorn-x-'));
        }).catch(() => wrong.push(`killed before call ${at}: ${left.join(' ')} is left`));
        if (left.length > 0) await recoverer.call('recover', folder, { olderThan: 0 });
        left = namesIn(pair, folder).filter((name) => name.startsWith('.'));
        if (left.length > 0) wrong.push(`killed before call ${at}: ${left.join(' ')} cannot be removed`);
        const texts = ['written', 'created', 'removed'].map((name) => textOf(pair, join(folder, name)));
        const text = texts.map((one) => one ?? 'absent').join(' ');
        if (text === 'old absent old') states.old++;
        else if (text === 'new new absent') states.new++;
        else wrong.push(`killed before call ${at}: ${text}`);
      }
      const details = [`${killed.length} kills of ${calls} calls: ${states.old} not done, ${states.new} done`];
      return wrong.length > 0 ? verdict('VIOLATION', wrong[0], wrong) : verdict('holds', '', details);
    }),
};

const sweeping: Trial = {
  name: 'sweep, clocks apart',
  about:
    "A machine whose clock is two days ahead sweeps the folder: another machine's file that is being written stays.",
  run: async (pair) => {
    const [, ahead] = pair.machines;
    ahead.run('date -s "+2 days" >/dev/null');
    try {
      return await withActors(pair, async (writer, sweeper) => {
        const folder = await newFolder(writer);
        await writer.do('open', join(folder, 'file'), 'new');
        const { removed } = await sweeper.call<{ removed: unknown[] }>('sweep', folder);
        await writer.do('commit');
        const text = textOf(pair, join(folder, 'file'));
        return removed.length === 0 && text === 'new'
          ? verdict('holds')
          : verdict('VIOLATION', `removed ${removed.length}, ${text}`);
      });
    } finally {
      ahead.run('date -s "-2 days" >/dev/null');
    }
  },
};

const directories: Trial = {
  name: 'whole directories',
  about:
    'One machine replaces a directory through a link, again and again. The other one always finds one whole version.',
  run: (pair) =>
    withActors(pair, async (writer, reader) => {
      const folder = await newFolder(writer);
      const path = join(folder, 'site');
      await writer.do('replaceDirectory', path, 'v0');
      let isOver = false;
      const seen = new Map<string, number>();
      const reading = (async () => {
        while (!isOver) {
          const texts = await Promise.all(['one', 'two'].map((name) => textAt(reader, join(path, name))));
          const what = texts.includes(undefined) ? 'absent' : 'whole';
          seen.set(what, (seen.get(what) ?? 0) + 1);
        }
      })();
      for (let version = 1; version <= pair.amount.times / 2; version++)
        await writer.do('replaceDirectory', path, `v${version}`);
      isOver = true;
      await reading;
      return seen.has('absent') ? verdict('VIOLATION', counted(seen)) : verdict('holds', '', [counted(seen)]);
    }),
};

const joining: Trial = {
  name: 'doctor --join',
  about: 'The doctor is called on both machines at once. Both say that the lock holds.',
  run: (pair) =>
    withActors(pair, async (one) => {
      const folder = await newFolder(one);
      const command = `${process.execPath} ${join(process.cwd(), 'dist', 'cli', 'main.cjs')} doctor --join code ${folder}`;
      const said = await Promise.all(pair.machines.map((machine) => machine.start(command).ended));
      const left = namesIn(pair, folder);
      const isTrue =
        said.every(({ status, stdout }) => status === 0 && stdout.includes('the lock held')) && left.length === 0;
      const details = said.map(({ stdout, stderr }) => stdout + stderr);
      return verdict(isTrue ? 'holds' : 'VIOLATION', isTrue ? '' : `left: ${left.join(' ')}`, details);
    }),
};

/** On filesystems where no lock excludes others. */
const refusals: Trial = {
  name: 'refused',
  about:
    'What needs a lock is refused with ERR_UNTORN_UNSAFE_FILESYSTEM, and nothing is touched. A plain write is ' +
    'done, and its process is warned once.',
  run: (pair) =>
    withActors(pair, async (one) => {
      const folder = await newFolder(one);
      const path = join(folder, 'file');
      const { durable } = await one.call<{ durable: unknown }>('writeFile', path, 'old');
      const version = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';
      const tries: [string, () => Promise<unknown>][] = [
        ['update', () => one.do('hold', path, 'new', lock)],
        ['ifMatch', () => one.do('casWrite', path, 'new', version as never)],
        ['transaction', () => one.do('transaction', [{ write: path, content: 'new' }], lock)],
        ['directory', () => one.do('replaceDirectory', join(folder, 'site'), 'new')],
      ];
      const wrong: string[] = durable === true ? ['durable is said to be true'] : [];
      const twice = `for (const data of ['other', 'old']) await writeFile(process.argv[1], data);`;
      const program = `import { writeFile } from '${join(process.cwd(), 'dist', 'index.mjs')}'; ${twice}`;
      const { status, stderr } = await pair.machines[0].start(
        `${process.execPath} --input-type=module -e "${program}" ${path}`,
      ).ended;
      const warnings = stderr.split('[UNTORN_UNSAFE_FILESYSTEM]').length - 1;
      if (status !== 0 || warnings !== 1) wrong.push(`two writes: status ${status}, ${warnings} warnings: ${stderr}`);
      for (const [name, call] of tries) {
        const code = await call().then(
          () => 'done',
          (error: unknown) => (error instanceof ActorError ? `${error.code} ${error.outcome}` : String(error)),
        );
        if (code !== 'ERR_UNTORN_UNSAFE_FILESYSTEM old') wrong.push(`${name}: ${code}`);
      }
      // Some clients send it later.
      await until(async () => textOf(pair, path) === 'old').catch(() => undefined);
      const names = namesIn(pair, folder);
      const text = textOf(pair, path);
      if (names.join(' ') !== 'file' || text !== 'old') wrong.push(`${names.join(' ')}: ${text}`);
      return wrong.length > 0
        ? verdict('VIOLATION', wrong[0], wrong)
        : verdict('holds', '', [`durable: ${String(durable)}`]);
    }),
};

export const trials: readonly Trial[] = [
  readers,
  creations,
  updates,
  remembered,
  takeover,
  transactions,
  sweeping,
  directories,
  joining,
];
export const trialsOfUnsafe: readonly Trial[] = [refusals];
