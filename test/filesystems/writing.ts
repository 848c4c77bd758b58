/** Behaviours: files written new and over others, created only, with names of all lengths, and refused. */
import { chmod, link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ActorError, type Actor, type How } from './actors.ts';
import type { Behaviour, Stage } from './stage.ts';
import { counted, together, verdict, type Verdict } from './verdict.ts';

export const textAt = async (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : Promise.reject(error)));

const short = (text: string | undefined): string => (text === undefined ? 'nothing' : text.length > 40 ? `${text.length} characters` : JSON.stringify(text));

/** What an error says of the file, compared with what it holds. */
export async function truth(error: unknown, path: string, old: string | undefined, wanted: string): Promise<Verdict> {
  if (!(error instanceof ActorError)) throw error;
  const holds = await textAt(path);
  const { code, outcome, message } = error;
  const isTrue = { old: holds === old, new: holds === wanted, unknown: holds === old || holds === wanted }[outcome ?? ''] ?? holds === old;
  if (!isTrue) return verdict('VIOLATION', `${code} says ${outcome}`, [`${message}; it holds ${short(holds)}`]);
  return verdict('refused', outcome === 'old' ? code : `${code} (${outcome})`, [message]);
}

async function tried(actor: Actor, name: string, path: string, content: string, old: string | undefined, options: object): Promise<Verdict> {
  try {
    await actor.call(name, path, content, options);
  } catch (error) {
    return truth(error, path, old, content);
  }
  const holds = await textAt(path);
  return holds === content ? verdict('holds') : verdict('VIOLATION', 'resolved', [`${name} of ${path} resolved; it holds ${short(holds)}`]);
}

/** What was left is one more part of what is told. */
async function litterOf(stage: Stage): Promise<(readonly [string, Verdict])[]> {
  const litter = await stage.litter();
  return litter.length === 0 ? [] : [['litter', verdict('VIOLATION', 'left', litter)]];
}

const write: Behaviour = {
  name: 'write',
  about: 'A file is written new and over another one, synchronously and not, 3 bytes and 3 MB, with every durability; another process reads it back.',
  async run(stage) {
    const actor = await stage.actor(0);
    const parts: (readonly [string, Verdict])[] = [];
    for (const [sizeName, size] of [['small', 1], ['large', 1_000_000]] as const) {
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
  about: '`overwrite: false`: two processes create the same files; each has exactly one winner, whose content it holds.',
  async run(stage) {
    const { times } = stage.amount;
    const marks = ['first', 'second'] as const;
    const [first, second] = await Promise.all(marks.map(async (mark, number) => (await stage.actor(number as 0 | 1)).do('createFiles', stage.folder, mark, times)));
    const all = new Map([...first!.errors, ...second!.errors]);
    const untrue = [...first!.untrue, ...second!.untrue];
    if (untrue.length > 0) return verdict('VIOLATION', 'outcome', untrue);
    const wrong: string[] = [];
    for (let number = 0; number < times; number++) {
      const winners = marks.filter((_, index) => [first, second][index]!.won.includes(number));
      const holds = await textAt(stage.at(`created-${number}`));
      if (winners.length > 1) wrong.push(`${number} was created by both`);
      else if (winners.length === 1 && holds !== `${winners[0]} ${number}`) wrong.push(`${number} was created by ${winners[0]} and holds ${short(holds)}`);
      else if (winners.length === 0 && holds !== undefined) wrong.push(`${number} was created by nobody and holds ${short(holds)}`);
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

/** The longest name with which a file can be made, renamed over and removed there. */
async function longestName(folder: string): Promise<number> {
  const [plain, other] = [join(folder, 'plain'), join(folder, 'other')];
  await mkdir(plain);
  let [fits, tooLong] = [1, 300];
  while (tooLong - fits > 1) {
    const length = (fits + tooLong) >> 1;
    const path = join(plain, 'p'.repeat(length));
    try {
      await writeFile(path, 'old');
      // Some manage it once.
      for (let times = 0; times < 3; times++) {
        await writeFile(other, 'new');
        await rename(other, path);
      }
      await rm(path);
      fits = length;
    } catch {
      tooLong = length;
    }
  }
  await rm(plain, { recursive: true });
  return fits;
}

const names: Behaviour = {
  name: 'names',
  about: 'The longest name that can be renamed over is written, updated and part of a transaction; two names that differ in case only are.',
  async run(stage) {
    const actor = await stage.actor(0);
    const length = await longestName(stage.folder);
    const path = stage.at('n'.repeat(length));
    const parts: (readonly [string, Verdict])[] = [];
    const part = async (name: string, path: string, content: string, perform: () => Promise<unknown>): Promise<void> => {
      const old = await textAt(path);
      try {
        await perform();
        const holds = await textAt(path);
        parts.push([name, holds === content ? verdict('holds') : verdict('VIOLATION', 'resolved', [`${name} resolved; it holds ${short(holds)}`])]);
      } catch (error) {
        parts.push([name, await truth(error, path, old, content)]);
      }
    };
    const long = `${length} characters`;
    await part(`${long}, write`, path, 'one', () => actor.call('writeFile', path, 'one'));
    await part(`${long}, update`, path, 'two', async () => actor.do('casWrite', path, 'two', (await actor.call<{ version: string }>('readVersioned', path)).version as never));
    await part(`${long}, transaction`, path, 'three', () => actor.do('transaction', [{ write: path, content: 'three' }, { write: stage.at('other'), content: 'three' }]));
    const [small, large] = [stage.at('case'), stage.at('CASE')];
    await part('names that differ in case, transaction', large, 'two', () => actor.do('transaction', [{ write: small, content: 'one' }, { write: large, content: 'two' }]));
    await writeFile(small, 'one');
    await part('rename to a name that differs in case', stage.at('Case'), 'one', () => actor.do('transaction', [{ rename: small, to: stage.at('Case') }]));
    parts.push(...(await litterOf(stage)));
    return parts.every(([, { kind }]) => kind === 'holds') ? verdict('holds', `${length} characters`) : together(parts);
  },
};

const errors: Behaviour = {
  name: 'errors',
  about: 'A full disk, a limit of size, a directory in the way, a directory that may not be written: each error says truly what the file holds, and nothing is left.',
  async run(stage) {
    const parts: (readonly [string, Verdict])[] = [];
    const part = async (name: string, actor: Actor, path: string, content: string | Buffer, options: object = {}): Promise<void> => {
      const old = await textAt(path).catch(() => undefined);
      try {
        await actor.call('writeFile', path, content, options);
        parts.push([name, (await stat(path)).size === content.length ? verdict('holds', 'has room') : verdict('VIOLATION', 'resolved, and it is cut')]);
      } catch (error) {
        if (!(error instanceof ActorError)) throw error;
        const holds = await textAt(path).catch(() => undefined);
        const isTrue = holds === old && error.outcome === 'old';
        parts.push([name, isTrue ? verdict('holds', error.code) : verdict('VIOLATION', `${error.code} says ${error.outcome}`, [`${error.message}; it holds ${short(holds)}`])]);
      }
    };
    const limited = await stage.start({ ...stage.how(0), under: [...(stage.how(0).under ?? []), 'prlimit', '--fsize=100000', '--'] });
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
    return parts.every(([, { kind }]) => kind === 'holds') ? verdict('holds', '', parts.map(([name, { text }]) => `${name}: ${text}`)) : together(parts);
  },
};

/** Three files with two names each: those that were there before it was mounted, or new ones. */
async function linkedFiles(stage: Stage): Promise<string | undefined> {
  if (stage.mounted.linked !== undefined) return stage.mounted.linked;
  for (const name of ['one', 'two', 'three', 'four']) {
    await writeFile(stage.at(name), 'old');
    try {
      await link(stage.at(name), stage.at(`other-${name}`));
    } catch {
      return undefined;
    }
  }
  return stage.folder;
}

const links: Behaviour = {
  name: 'hard links',
  about: 'Files with two names are replaced, removed, renamed over another file and over their own other name: the one name changes as it was asked, the other one keeps the old content.',
  async run(stage) {
    const folder = await linkedFiles(stage);
    if (folder === undefined) return verdict('not tested', 'it has none');
    const actor = await stage.actor(0);
    const at = (name: string): string => join(folder, name);
    const target = at('target');
    await writeFile(target, 'of another');
    const texts = async (...names: string[]): Promise<string> => (await Promise.all(names.map((name) => textAt(at(name))))).map((text) => text ?? 'absent').join(', ');
    const parts: (readonly [string, Verdict])[] = [];
    const part = async (name: string, names: readonly [string, string], wanted: string, perform: () => Promise<unknown>): Promise<void> => {
      const before = await texts(...names);
      try {
        await perform();
        const after = await texts(...names);
        parts.push([name, after === wanted ? verdict('holds') : verdict('VIOLATION', 'resolved, and it is not done', [`${names.join(', ')}: ${after}`])]);
      } catch (error) {
        if (!(error instanceof ActorError)) throw error;
        const after = await texts(...names);
        const isTrue = after === (error.outcome === 'new' ? wanted : before);
        parts.push([name, isTrue ? verdict('refused', error.code, [error.message]) : verdict('VIOLATION', `${error.code} says ${error.outcome}`, [error.message, `${names.join(', ')}: ${after}`])]);
      }
    };
    await part('write', ['one', 'other-one'], 'new, old', () => actor.call('writeFile', at('one'), 'new'));
    await part('rename over another', ['two', 'target'], 'absent, old', () => actor.do('transaction', [{ rename: at('two'), to: target }]));
    await part('rename over its other name', ['three', 'other-three'], 'absent, old', () => actor.do('transaction', [{ rename: at('three'), to: at('other-three') }]));
    await part('remove', ['four', 'other-four'], 'absent, old', () => actor.do('transaction', [{ remove: at('four') }]));
    return together(parts);
  },
};

/** Somebody whom permissions stop. */
function asUser({ under = [], env }: How): How {
  const setpriv = under.includes('setpriv') ? [] : ['setpriv', '--reuid=64001', '--regid=64001', '--clear-groups', '--'];
  return { under: [...under, ...setpriv], ...(env !== undefined && { env }) };
}

export const writing: readonly Behaviour[] = [write, create, names, links, errors];
