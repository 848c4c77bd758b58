import { inspect, type FindingLevel, type Inspection } from '../doctor/index.ts';
import { pathFrom } from './arguments/arguments.ts';
import { valueOf } from './arguments/parse.ts';
import type { Invocation } from './arguments/table.ts';
import { exits } from './exit-codes.ts';
import { reasonOf, UsageError } from './failures.ts';
import { tell } from './messages.ts';
import { print } from './output.ts';
import { printable, printableLine } from './printable.ts';
import { jsonPath, printJson } from './report.ts';

/** `untorn doctor PATH…` */
export async function perform(invocation: Invocation): Promise<number> {
  const { operands, flags } = invocation;
  const code = valueOf(invocation, 'join');
  if (code !== undefined) return joined(invocation, code);
  const all: Inspection[] = [];
  let failed = false;
  for (const operand of operands) {
    try {
      const found = await inspect(pathFrom(operand), { measure: flags.has('measure') });
      all.push(found);
      if (!flags.has('json')) await show(found, flags.has('quiet'));
    } catch (error) {
      failed = true;
      tell(`Cannot examine "${operand}": ${reasonOf(error)}`);
    }
  }
  if (flags.has('json')) await printJson(all.map(asJson));
  return failed ? exits.failed : worstOf(all);
}

/** `untorn doctor DIR --join CODE` */
async function joined({ operands, flags }: Invocation, code: string): Promise<number> {
  if (operands.length !== 1) throw new UsageError('--join takes one directory');
  const { joinOther, told } = await import('./join.ts');
  const found = await joinOther(operands[0] as string, code);
  if (flags.has('json')) await printJson(found);
  else for (const line of told(found)) await print(`${printable(line)}\n`);
  return found.holds ? exits.done : 4;
}

/** The exit code for each level, the worst first. */
const codes: readonly (readonly [FindingLevel, number])[] = [
  ['failure', 3],
  ['limit', 4],
  ['leftover', 5],
];

function worstOf(all: readonly Inspection[]): number {
  const levels = new Set(all.flatMap(({ findings }) => findings.map(({ level }) => level)));
  return codes.find(([level]) => levels.has(level))?.[1] ?? exits.done;
}

const marks: Record<FindingLevel, string> = { failure: 'FAILS', limit: 'limit', leftover: 'left', fact: '' };

async function show({ path, findings }: Inspection, quiet: boolean): Promise<void> {
  const shown = quiet ? findings.filter(({ level }) => level !== 'fact') : findings;
  if (shown.length === 0) return;
  const lines = shown.map(
    ({ level, about, text }) => `  ${marks[level].padEnd(6)}${about.padEnd(11)} ${printable(text)}\n`,
  );
  await print(Buffer.concat([printableLine('', path), Buffer.from(lines.join(''))]));
}

function asJson(found: Inspection): unknown {
  return {
    ...found,
    path: jsonPath(found.path),
    target: jsonPath(found.target),
    links: found.links.map(({ path, to }) => ({ path: jsonPath(path), to: jsonPath(to) })),
    filesystem: found.filesystem ?? null,
    locks: found.locks.map(({ file, path, holder, waiting }) => ({
      file: file === undefined ? null : jsonPath(file),
      path: jsonPath(path),
      holder: holder ?? null,
      waiting,
    })),
    leftovers: found.leftovers.map((one) => ({ ...one, path: jsonPath(one.path) })),
    measured: found.measured ?? null,
  };
}
