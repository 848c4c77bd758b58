/** Behaviours: readers and writers at once, updates of two processes. */
import { writeFile } from 'node:fs/promises';
import { compose } from '../torture/content.ts';
import type { Updates, Way } from './deeds.ts';
import { leftAfterSweep } from './leftovers.ts';
import type { Behaviour, Stage } from './stage.ts';
import { textAt } from './writing.ts';
import { counted, together, verdict, type Verdict } from './verdict.ts';

type Seen = Map<string, number>;

/** One process writes, the other one reads until it has done so. */
async function readDuring(
  stage: Stage,
  plain: boolean,
  how: 'plain' | 'readVersioned' | 'readVersionedSync' | 'readJson' | 'updateFile',
  name: string,
): Promise<{ seen: Seen; examples: string[]; writes: number; errors: Map<string, number> }> {
  const path = stage.at(name);
  await writeFile(path, how === 'readJson' ? '{}' : compose({ writer: 'before', sequence: 1 }));
  const [writer, reader] = [await stage.actor(0), await stage.actor(1)];
  const reading = reader.do('readVersions', path, how);
  const { milliseconds } = stage.amount;
  const { writes, errors } = await writer.do('writeVersions', path, 'writer', { milliseconds, least: 20, plain });
  reader.stop();
  return { ...(await reading), writes, errors };
}

const flaws = (seen: Seen): string[] => [...seen.keys()].filter((what) => what !== 'whole');
const total = (seen: Seen): number => [...seen.values()].reduce((sum, count) => sum + count, 0);

const readers: Behaviour = {
  name: 'readers',
  about:
    'One process writes without a pause, and another one reads whole versions only, and always one. If that ' +
    'fails, the same is tried with rename(2) alone.',
  async run(stage) {
    const { seen, examples, writes, errors } = await readDuring(stage, false, 'plain', 'file');
    const details = [`${counted(seen)} while ${writes} were written`, ...examples, counted(errors)];
    if (writes === 0) return verdict('refused', [...errors.keys()].join(', '), details);
    if (flaws(seen).length === 0) return verdict('holds', '', details);
    const control = await readDuring(stage, true, 'plain', 'control');
    details.push(`rename(2) alone: ${counted(control.seen)} while ${control.writes} were written`);
    const own = flaws(seen).filter((what) => !control.seen.has(what));
    const share = flaws(seen)
      .map((what) => `${what} ${((100 * seen.get(what)!) / total(seen)).toFixed(1)} %`)
      .join(', ');
    return own.length === 0 ? verdict('filesystem', share, details) : verdict('VIOLATION', share, details);
  },
};

const present: Behaviour = {
  name: 'reads by the package',
  about:
    'Another program renames new versions over the file: `readVersioned`, `readVersionedSync` and ' +
    '`updateFile` never report it as absent.',
  async run(stage) {
    const parts: (readonly [string, Verdict])[] = [];
    for (const how of ['readVersioned', 'readVersionedSync', 'updateFile'] as const) {
      const { seen, examples, writes } = await readDuring(stage, true, how, how);
      const details = [`${counted(seen)} while ${writes} were renamed over it`, ...examples];
      // The version that was read need not be there any more: that is said.
      const bad = flaws(seen).filter((what) => what === 'absent');
      const torn = seen.has('torn');
      const others = flaws(seen).filter((what) => !['absent', 'torn', 'ERR_VERSION_CONFLICT'].includes(what));
      if (bad.length > 0)
        parts.push([
          how,
          verdict('VIOLATION', `absent ${((100 * seen.get('absent')!) / total(seen)).toFixed(1)} %`, details),
        ]);
      else if (torn) parts.push([how, verdict('filesystem', 'torn', details)]);
      else if (others.length > 0)
        parts.push([
          how,
          verdict(
            'refused',
            others.map((code) => `${code} ${((100 * seen.get(code)!) / total(seen)).toFixed(1)} %`).join(', '),
            details,
          ),
        ]);
      else parts.push([how, verdict('holds', '', details)]);
    }
    return together(parts);
  },
};

/** Adds up what processes did, and compares it with what the file holds. */
export function judgeUpdates(all: readonly Updates[], text: string | undefined, before = 0): Verdict {
  const sum = (of: (one: Updates) => number): number => all.reduce((total, one) => total + of(one), 0);
  const [acknowledged, unknown, absent, torn] = [
    sum((one) => one.acknowledged),
    sum((one) => one.unknown),
    sum((one) => one.absent),
    sum((one) => one.torn),
  ];
  const errors = new Map(all.flatMap((one) => [...one.errors]));
  const final = Number.parseInt(text ?? '0', 10);
  const details = [
    `${acknowledged} acknowledged and ${unknown} of unknown outcome, the file says ${final - before}`,
    ...(errors.size > 0 ? [`${counted(errors)}: ${all.flatMap(({ examples }) => examples).at(0)}`] : []),
  ];
  if (final - before < acknowledged || final - before > acknowledged + unknown)
    return verdict('VIOLATION', `${acknowledged} acknowledged, ${final - before} in the file`, details);
  if (absent > 0)
    return verdict('VIOLATION', 'no file was seen', [...details, `${absent} times the function was given no content`]);
  if (torn > 0)
    return verdict('filesystem', 'torn reads', [...details, `${torn} times the function was given a torn content`]);
  if (acknowledged === 0) return verdict('refused', [...errors.keys()].join(', '), details);
  return errors.size > 0
    ? verdict('refused', `some with ${[...errors.keys()].join(', ')}`, details)
    : verdict('holds', '', details);
}

/**
 * Nothing is left; where the filesystem refused calls in the middle, nothing that a sweep would not remove once the
 * processes are gone.
 */
async function litterOfUpdates(stage: Stage, { kind }: Verdict): Promise<string[]> {
  const litter = await stage.litter();
  if (litter.length === 0 || kind !== 'refused') return litter;
  for (const number of [0, 1] as const) await (await stage.actor(number)).end();
  return leftAfterSweep(stage, await stage.actor(0), stage.folder);
}

const updates: Behaviour = {
  name: 'updates',
  about:
    'Two processes count in one file, by `updateFile`, `updateFileSync` and compare-and-swap. The file has ' +
    'every acknowledged count, and nothing is left.',
  async run(stage) {
    const parts: (readonly [string, Verdict])[] = [];
    for (const way of ['updateFile', 'updateFileSync', 'ifMatch'] satisfies Way[]) {
      const path = stage.at(way);
      await writeFile(path, `${'0;'.repeat(100)}\n`);
      const actors = [await stage.actor(0), await stage.actor(1)];
      const all = await Promise.all(
        actors.map((actor) => actor.do('update', path, stage.amount.times, way, { timeout: stage.amount.lockTimeout })),
      );
      const judged = judgeUpdates(all, await textAt(path));
      const left = await litterOfUpdates(stage, judged);
      parts.push([
        way,
        judged.kind !== 'VIOLATION' && left.length > 0
          ? verdict('VIOLATION', 'left', [...judged.details, ...left])
          : judged,
      ]);
    }
    return together(parts);
  },
};

export const racing: readonly Behaviour[] = [readers, present, updates];
