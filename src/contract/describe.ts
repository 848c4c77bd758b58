/** Describes a value, for a message about a wrong one. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'object') return `an instance of ${(value as object).constructor?.name ?? 'Object'}`;
  if (typeof value === 'function') return 'a function';
  return `${typeof value} ${typeof value === 'symbol' ? value.toString() : JSON.stringify(typeof value === 'bigint' ? value.toString() : value)}`;
}
