// The guarantees in the names of tests: "… keeps the old content (G1, G4)".

const idsIn = (name) => (/\((G\d+(?:, G\d+)*)\)/.exec(name)?.[1] ?? '').split(', ').filter((id) => id !== '');

/**
 * How many tests passed for each guarantee. A suite comes after its tests, and its ids count for them.
 * @param {{ name: string, nesting: number, kind: string, passed: boolean, skipped: boolean | string }[]} lines
 */
export function countByGuarantee(lines) {
  const counts = new Map();
  let open = [];
  const close = (tests) => {
    for (const { ids } of tests) for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  };
  for (const { name, nesting, kind, passed, skipped } of lines) {
    if (kind === 'suite')
      for (const test of open) if (test.nesting > nesting) for (const id of idsIn(name)) test.ids.add(id);
    if (kind === 'test' && passed && skipped === false) open.push({ nesting, ids: new Set(idsIn(name)) });
    if (nesting === 0) {
      close(open);
      open = [];
    }
  }
  close(open);
  return counts;
}
