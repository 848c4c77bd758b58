/** Collects what is found. */
import type { Finding, FindingLevel, FindingSubject } from './inspection.ts';

export class Findings {
  readonly all: Finding[] = [];

  add(level: FindingLevel, about: FindingSubject, code: string, text: string): void {
    this.all.push({ level, about, code, text });
  }

  /** Whether a write fails here. */
  get isFailure(): boolean {
    return this.all.some(({ level }) => level === 'failure');
  }
}
