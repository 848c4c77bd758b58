// A reporter of node:test that counts passed tests by the guarantees in their names, or in those of the suites around
// them.
import { tmpdir } from 'node:os';
import { filesystemOf, note } from '../../build/test/support/evidence.js';
import { countByGuarantee } from './guarantees.js';

export default async function* reporter(events) {
  const lines = [];
  for await (const event of events) {
    if (event.type !== 'test:pass') continue;
    const { name, nesting, details, skip } = event.data;
    lines.push({
      name,
      nesting,
      kind: details.type === 'suite' ? 'suite' : 'test',
      passed: true,
      skipped: skip ?? false,
    });
  }
  for (const [id, count] of countByGuarantee(lines)) {
    note({
      of: 'tests',
      guarantees: [id],
      filesystem: filesystemOf(tmpdir()),
      durabilities: ['full'],
      count,
      violations: 0,
    });
  }
  yield '';
}
