/** Behaviour: what `inspect` says of a place, compared with what the package does there. */
import { chmod, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Inspection, NotKept, WriteResult } from 'untorn';
import { ActorError, type Actor } from './actors.ts';
import { Place } from './place.ts';
import type { Behaviour, Stage } from './stage.ts';
import { together, verdict, type Verdict } from './verdict.ts';
import { litterOf } from './writing.ts';

/** What would differ if something was changed here; not the times of access, which a look at names changes. */
async function stateOf(stage: Stage, path: string): Promise<string> {
  const shown = async (one: string): Promise<unknown[]> => {
    const { ino, mode, nlink, size, mtimeMs, ctimeMs } = await stat(one);
    return [ino, mode, nlink, size, mtimeMs, ctimeMs];
  };
  return JSON.stringify([
    await stage.names(),
    await shown(dirname(path)),
    await shown(path),
    await readFile(path, 'utf8'),
  ]);
}

/** Where attributes cannot be read, nobody knows beforehand of an ACL. */
const told = (seen: readonly NotKept[], said: readonly NotKept[]): NotKept[] =>
  seen.filter((one) => one !== 'acl' || !said.includes('xattr') || said.includes('acl')).toSorted();

function differs(what: string, said: unknown, done: unknown): Verdict {
  const [one, other] = [said, done].map((value) => JSON.stringify(value));
  return one === other ? verdict('holds') : verdict('VIOLATION', `${what}: said ${one}, seen ${other}`);
}

/** The result, or the code of the error. */
async function outcomeOf<T>(performed: Promise<T>): Promise<T | string> {
  return performed.catch((error: unknown) => {
    if (error instanceof ActorError) return error.code;
    throw error;
  });
}

const isFailing = ({ findings }: Inspection): boolean => findings.some(({ level }) => level === 'failure');

async function measured(actor: Actor, path: string): Promise<(readonly [string, Verdict])[]> {
  const tried = await actor.call<Inspection>('inspect', path, { measure: true });
  const result = await outcomeOf(actor.call<WriteResult>('writeFile', path, 'second'));
  if (typeof result === 'string') return [['measure', differs('fails', isFailing(tried), true)]];
  return [
    ['measure', differs('durable', tried.measured?.durable, result.durable)],
    ['measure', differs('not kept', tried.notKept.toSorted(), result.notKept.toSorted())],
  ];
}

const inspected: Behaviour = {
  name: 'doctor',
  about:
    'What `inspect` says beforehand of durability, metadata and locks, and with `measure`, is what calls of the package then show. Without `measure` nothing is changed.',
  async run(stage) {
    const actor = await stage.actor(0);
    const path = stage.at('file');
    await actor.do('plain', 'writeFile', path, 'first');
    await chmod(path, 0o640).catch(() => undefined);
    await Place.run('setfattr', '-n', 'user.note', '-v', 'kept', path).catch(() => undefined);
    await utimes(path, 981_173_106, 981_173_106).catch(() => undefined);
    await writeFile(stage.at('other'), '');
    const before = await stateOf(stage, path);
    const said = await actor.call<Inspection>('inspect', path);
    const parts: (readonly [string, Verdict])[] = [['look', differs('state', await stateOf(stage, path), before)]];
    const { kind, filesystem, durable, notKept, lockable } = said;
    parts.push(['kind', differs('kind', kind, 'file')]);
    parts.push(...(await measured(actor, path)));
    await actor.do('plain', 'writeFile', path, 'third');
    const result = await outcomeOf(actor.call<WriteResult>('writeFile', path, 'fourth'));
    if (typeof result !== 'string') {
      parts.push(['fails', differs('fails', isFailing(said), false)]);
      if (durable !== 'unknown') parts.push(['durable', differs('durable', durable, result.durable)]);
      const isTold = said.findings.some(({ code }) => code === 'kept');
      if (isTold || notKept.length > 0)
        parts.push(['keep', differs('not kept', notKept.toSorted(), told(result.notKept, notKept))]);
    }
    const locked = await outcomeOf(actor.do('casWrite', path, 'fifth', await versionAt(actor, path)));
    const tried = await actor.call<Inspection>('inspect', path, { measure: true });
    if (typeof lockable === 'boolean')
      parts.push(['locks beforehand', locks(lockable, locked, 'EACCES', 'only an attempt tells')]);
    parts.push(['locks', locks(tried.lockable === true, locked, 'ERR_LOCK_UNSUPPORTED', 'the next attempt may fail')]);
    const rows = filesystem?.rows.join(' | ') ?? '';
    const all = together([...parts, ...(await litterOf(stage))]);
    return all.kind === 'holds'
      ? verdict('holds', `${filesystem?.type ?? 'type unknown'}: ${rows === '' ? 'not tried' : rows}`)
      : all;
  },
};

/**
 * What was said of locks. Nothing tells beforehand what a security module refuses; and where each directory is made on
 * a disk by chance, one lock says nothing of the next.
 */
function locks(said: boolean, locked: unknown, exception: string, why: string): Verdict {
  if (said && locked === exception) return verdict('filesystem', why);
  return differs('locks', said, typeof locked !== 'string');
}

async function versionAt(actor: Actor, path: string): Promise<never> {
  const { version } = await actor.call<{ version: string }>('readVersioned', path);
  return version as never;
}

export const examining: readonly Behaviour[] = [inspected];
