/**
 * Behaviours: mode, owner, ACL and attributes, given and kept; what the result says of them is compared with what is
 * there.
 */
import { chmod, chown, stat, utimes, writeFile } from 'node:fs/promises';
import type { NotKept, Preserve, WriteResult } from 'untorn';
import { ActorError, type Actor } from './actors.ts';
import { Place } from './place.ts';
import type { Behaviour, Stage } from './stage.ts';
import { together, verdict, type Verdict } from './verdict.ts';
import { refusalToReplace, truth } from './writing.ts';

interface Seen {
  readonly mode: number;
  readonly owner: number;
  readonly group: number;
  readonly acl: string;
  readonly xattr: string;
  readonly times: number;
}

// Beyond the 65536 ids that a container is given as a rule.
const [uid, gid, other] = [164_001, 164_010, 164_002];

/** What is printed of a file that has none, or where the filesystem has none, is nothing. */
async function printed(program: string, ...args: string[]): Promise<string> {
  return Place.run(program, ...args).catch(() => '');
}

async function look(path: string): Promise<Seen> {
  const { mode, uid, gid, mtimeMs } = await stat(path);
  const entries = (await printed('getfacl', '-ncpE', path))
    .split('\n')
    .filter((line) => /^(user|group):\d+:/.test(line));
  const attributes = (
    await printed('getfattr', '-d', '-h', '--absolute-names', '-m', '^(user|trusted)\\.note', '-e', 'hex', path)
  )
    .split('\n')
    .filter((line) => line.includes('='));
  return {
    mode: mode & 0o7777,
    owner: uid,
    group: gid,
    acl: entries.join(' '),
    xattr: attributes.toSorted().join(' '),
    times: mtimeMs,
  };
}

/** What a file is given that has to be kept, and what its option is called. What shows then, the filesystem took. */
const properties = {
  mode: { preserve: 'mode', set: (path: string) => chmod(path, 0o2771) },
  owner: { preserve: 'owner', set: (path: string) => chown(path, uid, -1 >>> 0) },
  group: { preserve: 'owner', set: (path: string) => chown(path, -1 >>> 0, gid) },
  acl: { preserve: 'xattr', set: (path: string) => Place.run('setfacl', '-m', `u:${other}:r`, path) },
  xattr: { preserve: 'xattr', set: (path: string) => Place.run('setfattr', '-n', 'user.note', '-v', 'kept', path) },
  times: { preserve: 'times', set: (path: string) => utimes(path, 981_173_106, 981_173_106) },
} satisfies Record<string, { preserve: keyof Preserve; set(path: string): Promise<unknown> }>;

type Property = keyof typeof properties;

/** Of all that is kept without being asked for, and the property that is. */
const differing = (before: Seen, after: Seen, property: Property): Property[] =>
  (Object.keys(properties) as Property[]).filter(
    (name) => before[name] !== after[name] && (name !== 'times' || property === 'times'),
  );

/**
 * The mode is made narrower where one of the others is lost; and where attributes cannot be read, nobody knows whether
 * there was an ACL.
 */
const explaining: Partial<Record<NotKept, readonly NotKept[]>> = {
  mode: ['acl', 'group', 'owner', 'xattr'],
  acl: ['xattr'],
};

const isExplained = (lost: NotKept, said: readonly NotKept[]): boolean =>
  said.includes(lost) || said.some((one) => explaining[lost]?.includes(one));

function judge(before: Seen, after: Seen, property: Property, said: readonly NotKept[]): Verdict {
  const lost = differing(before, after, property);
  const details = [`before ${JSON.stringify(before)}, after ${JSON.stringify(after)}, notKept ${JSON.stringify(said)}`];
  const silent = lost.filter((one) => !isExplained(one, said));
  if (silent.length > 0) return verdict('VIOLATION', `${silent.join(', ')} lost without a word`, details);
  const wider = after.mode & 0o777 & ~before.mode;
  if (wider !== 0) return verdict('VIOLATION', `rights grew by 0${wider.toString(8)}`, details);
  // Nothing can keep the time of birth.
  const kept = said.filter((one) => one !== 'birthtime' && !(lost as readonly NotKept[]).includes(one));
  if (lost.length > 0) return verdict('not kept', lost.join(', '), details);
  return kept.length > 0
    ? verdict('holds', `${kept.join(', ')} said not to be kept, and is`, details)
    : verdict('holds', '', details);
}

async function prepared(
  stage: Stage,
  property: Property,
  name: string,
): Promise<{ path: string; before: Seen } | undefined> {
  const path = stage.at(name);
  await writeFile(path, 'old');
  const unset = await look(path);
  await properties[property].set(path).catch(() => undefined);
  const before = await look(path);
  return before[property] === unset[property] ? undefined : { path, before };
}

async function keepOne(stage: Stage, actor: Actor, property: Property): Promise<Verdict | undefined> {
  const tried = await prepared(stage, property, `try-${property}`);
  const parts: (readonly [string, Verdict])[] = [];
  if (tried !== undefined) {
    try {
      const options = property === 'times' ? { preserve: { times: 'try' } } : {};
      const { notKept } = await actor.call<WriteResult>('writeFile', tried.path, 'new', options);
      parts.push(['try', judge(tried.before, await look(tried.path), property, notKept)]);
    } catch (error) {
      parts.push(['try', stopped(await truth(error, tried.path, 'old', 'new'))]);
    }
    const required = await prepared(stage, property, `require-${property}`);
    const { preserve } = properties[property];
    try {
      await actor.call('writeFile', required!.path, 'new', { preserve: { [preserve]: 'require' } });
      const lost = differing(required!.before, await look(required!.path), property);
      parts.push([
        'require',
        lost.includes(property)
          ? verdict('VIOLATION', `'require' resolved without it`, [`lost: ${lost.join(', ')}`])
          : verdict('holds'),
      ]);
    } catch (error) {
      const said = await truth(error, required!.path, 'old', 'new');
      const changed = differing(required!.before, await look(required!.path), property);
      parts.push([
        'require',
        changed.length > 0 ? verdict('VIOLATION', `refused, and changed ${changed.join(', ')}`) : said,
      ]);
    }
  }
  return parts.length === 0 ? undefined : togetherTried(parts);
}

/** A refusal under 'require' is what has to happen where 'try' says that it was not kept. */
function togetherTried(parts: readonly (readonly [string, Verdict])[]): Verdict {
  const [tried, required] = parts.map(([, verdict]) => verdict);
  if (tried?.kind === 'not kept' && required?.kind === 'refused')
    return { ...tried, details: [...tried.details, `require: ${required.text}`] };
  return together(parts);
}

/** Under 'try' nothing that is kept may stop the write. */
const stopped = (refused: Verdict): Verdict =>
  refused.kind === 'refused' ? verdict('VIOLATION', `the write is ${refused.text}`, refused.details) : refused;

const keep: Behaviour = {
  name: 'keep',
  about:
    'Mode, owner, group, ACL, an attribute and times are kept, or `notKept` names them. Under `require` they ' +
    'are kept, or it is an error. Under `off` nothing stops the write.',
  async run(stage) {
    const refused = await refusalToReplace(stage);
    if (refused !== undefined) return verdict('refused', refused);
    const actor = await stage.actor(0);
    const parts: [string, Verdict][] = [];
    const none: string[] = [];
    for (const property of Object.keys(properties) as Property[]) {
      const judged = await keepOne(stage, actor, property);
      if (judged === undefined) none.push(property);
      else parts.push([property, judged]);
    }
    const path = stage.at('off');
    await writeFile(path, 'old');
    try {
      await actor.call('writeFile', path, 'new', {
        preserve: { mode: 'off', owner: 'off', xattr: 'off', times: 'off' },
      });
    } catch (error) {
      parts.push(['off', stopped(await truth(error, path, 'old', 'new'))]);
    }
    const details = none.length > 0 ? [`the filesystem has none, or this user may not set it: ${none.join(', ')}`] : [];
    const judged = together(parts);
    const without = none.length > 0 ? ` (has no ${none.join(', ')})` : '';
    return { kind: judged.kind, text: `${judged.text}${without}`, details: [...judged.details, ...details] };
  },
};

const given: Behaviour = {
  name: 'mode and owner given',
  about:
    '`mode` and `owner` are given for a new file and for an existing one. The file then has them, or it is an ' +
    'error and nothing has changed.',
  async run(stage) {
    const actor = await stage.actor(0);
    const parts: (readonly [string, Verdict])[] = [];
    const part = async (
      name: string,
      old: string | undefined,
      options: { mode?: number; owner?: { uid: number; gid: number } },
    ): Promise<void> => {
      const path = stage.at(`${name}-${parts.length}`);
      if (old !== undefined) await writeFile(path, old);
      try {
        await actor.call('writeFile', path, 'new', options);
      } catch (error) {
        if (!(error instanceof ActorError)) throw error;
        parts.push([name, await truth(error, path, old, 'new')]);
        return;
      }
      const { mode, owner, group } = await look(path);
      const isSo =
        (options.mode === undefined || options.mode === mode) &&
        (options.owner === undefined || (options.owner.uid === owner && options.owner.gid === group));
      parts.push([
        name,
        isSo
          ? verdict('holds')
          : verdict('VIOLATION', `resolved, and it is not so`, [
              `${JSON.stringify(options)}: it is 0${mode.toString(8)}, ${owner}:${group}`,
            ]),
      ]);
    };
    for (const old of [undefined, 'old']) {
      for (const mode of [0o600, 0o640, 0o755]) await part('mode', old, { mode });
      if (process.geteuid?.() === 0) await part('owner', old, { owner: { uid, gid } });
    }
    return together(parts);
  },
};

export const keeping: readonly Behaviour[] = [given, keep];
