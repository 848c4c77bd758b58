/** A reporter of node:test for programs without a console: one JSON text a line, for `scripts/test-windows.js`. */
import type { TestEvent } from 'node:test/reporters';

export interface Line {
  readonly name: string;
  readonly nesting: number;
  readonly kind: 'suite' | 'test';
  readonly passed: boolean;
  readonly skipped: boolean | string;
  readonly milliseconds: number;
  readonly problem?: string;
}

export default async function* lines(events: AsyncIterable<TestEvent>): AsyncGenerator<string, void> {
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { name, nesting, details, skip } = event.data;
    const error = event.type === 'test:fail' ? event.data.details.error : undefined;
    const cause = error?.cause;
    const line: Line = {
      name,
      nesting,
      kind: details.type === 'suite' ? 'suite' : 'test',
      passed: event.type === 'test:pass',
      skipped: skip ?? false,
      milliseconds: Math.round(details.duration_ms),
      ...(error !== undefined && {
        problem: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? error.message),
      }),
    };
    yield `${JSON.stringify(line)}\n`;
  }
}
