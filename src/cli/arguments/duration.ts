import { UsageError } from '../failures.ts';

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Milliseconds of a duration like 500ms, 90s, 30m, 12h, 7d or 2w; 0 needs no unit. */
export function readDuration(text: string, option: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(ms|[smhdw]|)$/.exec(text) ?? [];
  const factor = units[unit] ?? (Number(digits) === 0 ? 0 : undefined);
  if (digits === undefined || factor === undefined)
    throw new UsageError(`${option} must be a number with a unit, as 500ms, 90s, 30m, 12h, 7d or 2w, not "${text}"`);
  return Number(digits) * factor;
}
