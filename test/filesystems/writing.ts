/** Behaviours: files written new and over others, created only, and refused. */
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { ActorError, type Actor, type How } from './actors.ts';
import type { Behaviour, Stage } from './stage.ts';
import { counted, together, verdict, type Verdict } from './verdict.ts';

export const textAt = async (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? undefined : Promise.reject(error),
  );

export const short = (text: string | undefined): string =>
  text === undefined ? 'nothing' : text.length > 40 ? `${text.length} characters` : JSON.stringify(text);

/** What one way to write came to: the file holds the new content, or the error says truly what it holds. */
export async function written(path: string, content: string, perform: () => Promise<unknown>): Promise<Verdict> {
  const old = await textAt(path);
  try {
    await perform();
    const holds = await textAt(path);
    return holds === content ? verdict('holds') : verdict('VIOLATION', 'resolved', [`it holds ${short(holds)}`]);
  } catch (error) {
    return truth(error, path, old, content);
  }
}

/** What an error says of the file, compared with what it holds. */
export async function truth(error: unknown, path: string, old: string | undefined, wanted: string): Promise<Verdict> {
  if (!(error instanceof ActorError)) throw error;
  const holds = await textAt(path);
  const { code, outcome, message } = error;
  const isTrue =
    { old: holds === old, new: holds === wanted, unknown: holds === old || holds === wanted }[outcome ?? ''] ??
    holds === old;
  if (!isTrue) return verdict('VIOLATION', `${code} says ${outcome}`, [`${message}; it holds ${short(holds)}`]);
  return verdict('refused', outcome === 'old' ? code : `${code} (${outcome})`, [message]);
}

async function tried(
  actor: Actor,
  name: string,
  path: string,
  content: string,
  old: string | undefined,
  options: object,
): Promise<Verdict> {
  try {
    await actor.call(name, path, content, options);
  } catch (error) {
    return truth(error, path, old, content);
  }
  const holds = await textAt(path);
  return holds === content
    ? verdict('holds')
    : verdict('VIOLATION', 'resolved', [`${name} of ${path} resolved; it holds ${short(holds)}`]);
}

/** What was left is one more part of what is told. */
export async function litterOf(stage: Stage): Promise<(readonly [string, Verdict])[]> {
  const litter = await stage.litter();
  return litter.length === 0 ? [] : [['litter', await left(stage, litter)]];
}

let controls = 0;

/** What it means that something was left: any program leaves it where the filesystem does not remove what it made. */
export async function left(stage: Stage, litter: readonly string[]): Promise<Verdict> {
  const { file, directory } = await (await stage.actor(0)).do('leaves', stage.at(`control-${controls++}`));
  const ofLocks = litter.filter((name) => /untorn-(?:lock|d-)/.test(name));
  const isSo = (file || ofLocks.length === litter.length) && (directory || ofLocks.length === 0);
  return isSo ? verdict('filesystem', 'what is removed stays', litter) : verdict('VIOLATION', 'left', litter);
}

/** What rename(2) says over a file; undefined if it replaces it. */
export async function refusalToReplace(stage: Stage): Promise<string | undefined> {
  const [from, to] = [stage.at('control-from'), stage.at('control-to')];
  for (const path of [from, to]) await writeFile(path, 'old');
  return rename(from, to).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
}

const write: Behaviour = {
  name: 'write',
  about:
    'A file of 3 bytes or 3 MB is written as a new file and over another one, synchronously and ' +
    'asynchronously, with every durability. Another process reads it back.',
  async run(stage) {
    const actor = await stage.actor(0);
    const parts: (readonly [string, Verdict])[] = [];
    for (const [sizeName, size] of [
      ['small', 1],
      ['large', 1_000_000],
    ] as const) {
      for (const [number, durability] of (['full', 'normal', 'off'] as const).entries()) {
        const name = number % 2 === 0 ? 'writeFile' : 'writeFileSync';
        const path = stage.at(`${sizeName}-${durability}`);
        parts.push(['new', await tried(actor, name, path, 'new'.repeat(size), undefined, { durability })]);
        await writeFile(path, 'old');
        parts.push(['over another', await tried(actor, name, path, 'new'.repeat(size), 'old', { durability })]);
      }
    }
    return together([...parts, ...(await litterOf(stage))]);
  },
};

const create: Behaviour = {
  name: 'create only',
  about:
    '`overwrite: false`: two processes create the same files. Each file has exactly one winner, and the ' +
    "winner's content.",
  async run(stage) {
    const { times } = stage.amount;
    const marks = ['first', 'second'] as const;
    const [first, second] = await Promise.all(
      marks.map(async (mark, number) =>
        (await stage.actor(number as 0 | 1)).do('createFiles', stage.folder, mark, times),
      ),
    );
    const all = new Map([...first!.errors, ...second!.errors]);
    const untrue = [...first!.untrue, ...second!.untrue];
    if (untrue.length > 0) return verdict('VIOLATION', 'outcome', untrue);
    const uncertain = new Set([...first!.uncertain, ...second!.uncertain]);
    const wrong: string[] = [];
    for (let number = 0; number < times; number++) {
      const winners = marks.filter((_, index) => [first, second][index]!.won.includes(number));
      const holds = await textAt(stage.at(`created-${number}`));
      if (winners.length > 1) wrong.push(`${number} was created by both`);
      else if (winners.length === 1 && holds !== `${winners[0]} ${number}`)
        wrong.push(`${number} was created by ${winners[0]} and holds ${short(holds)}`);
      else if (winners.length === 0 && holds !== undefined && !uncertain.has(number))
        wrong.push(`${number} was created by nobody and holds ${short(holds)}`);
    }
    if (wrong.length > 0) return verdict('VIOLATION', `${wrong.length} of ${times}`, wrong);
    const won = first!.won.length + second!.won.length;
    all.delete('EEXIST');
    if (won === 0) return verdict('refused', [...all.keys()].join(', '));
    const [litter] = await litterOf(stage);
    if (litter !== undefined) return litter[1];
    return won === times ? verdict('holds') : verdict('refused', `in ${times - won} of ${times}: ${counted(all)}`);
  },
};

const errors: Behaviour = {
  name: 'errors',
  about:
    'A full disk, a size limit, a directory in the way, a directory that is not writable: each error says ' +
    'correctly what the file holds, and nothing is left.',
  async run(stage) {
    const parts: (readonly [string, Verdict])[] = [];
    const part = async (
      name: string,
      actor: Actor,
      path: string,
      content: string | Buffer,
      options: object = {},
    ): Promise<void> => {
      const old = await textAt(path).catch(() => undefined);
      try {
        await actor.call('writeFile', path, content, options);
        parts.push([
          name,
          (await stat(path)).size === content.length
            ? verdict('holds', 'has room')
            : verdict('VIOLATION', 'resolved, and it is cut'),
        ]);
      } catch (error) {
        if (!(error instanceof ActorError)) throw error;
        const holds = await textAt(path).catch(() => undefined);
        const isTrue = holds === old && error.outcome === 'old';
        parts.push([
          name,
          isTrue
            ? verdict('holds', error.code)
            : verdict('VIOLATION', `${error.code} says ${error.outcome}`, [
                `${error.message}; it holds ${short(holds)}`,
              ]),
        ]);
      }
    };
    const limited = await stage.start({
      ...stage.how(0),
      under: [...(stage.how(0).under ?? []), 'prlimit', '--fsize=100000', '--'],
    });
    await writeFile(stage.at('limited'), 'old');
    await part('over RLIMIT_FSIZE', limited, stage.at('limited'), Buffer.alloc(200_000));
    await limited.end();
    const actor = await stage.actor(0);
    await mkdir(stage.at('directory'));
    await part('a directory', actor, stage.at('directory'), 'new');
    await writeFile(stage.at('full'), 'old');
    await part('a full disk', actor, stage.at('full'), Buffer.alloc(400_000_000));
    await rm(stage.at('full'));
    await mkdir(stage.at('closed'));
    await writeFile(stage.at('closed', 'file'), 'old');
    await chmod(stage.at('closed'), 0o555).catch(() => undefined);
    if (((await stat(stage.at('closed'))).mode & 0o777) === 0o555) {
      const user = await stage.start(asUser(stage.how(0)));
      await part('a closed directory', user, stage.at('closed', 'file'), 'new');
      await user.end();
    }
    parts.push(...(await litterOf(stage)));
    return parts.every(([, { kind }]) => kind === 'holds')
      ? verdict(
          'holds',
          '',
          parts.map(([name, { text }]) => `${name}: ${text}`),
        )
      : together(parts);
  },
};

/** Somebody whom permissions stop. */
function asUser({ under = [], env }: How): How {
  const setpriv = under.includes('setpriv')
    ? []
    : ['setpriv', '--reuid=64001', '--regid=64001', '--clear-groups', '--'];
  return { under: [...under, ...setpriv], ...(env !== undefined && { env }) };
}

export const writing: readonly Behaviour[] = [write, create, errors];
