/**
 * The progress, on standard error, if that is a terminal and the work takes longer than a second. One line, cleared at
 * the end.
 */
import { now, whenProcessEnds } from '../system/index.ts';
import { printError } from './messages.ts';
import { isTerminal } from './terminal.ts';

const firstAfter = 1000;
const every = 250;

export class Progress {
  #bytes = 0;
  #told = 0;
  #shown = false;
  readonly #start = now();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(wanted: boolean) {
    if (!wanted || !isTerminal(2)) return;
    this.#timer = setInterval(() => this.#show(), every);
    this.#timer.unref();
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  #show(): void {
    const elapsed = now() - this.#start;
    // If no bytes come, a command may be asking the user for input, who types on this terminal.
    if (elapsed < firstAfter || this.#bytes === this.#told) return;
    this.#told = this.#bytes;
    // A signal ends the process without calling anything else.
    if (!this.#shown) whenProcessEnds('save', () => this.end());
    this.#shown = true;
    printError(`\r\u001b[K${inUnits(this.#bytes)}, ${inUnits((this.#bytes / elapsed) * 1000)}/s`);
  }

  end(): void {
    clearInterval(this.#timer);
    if (this.#shown) printError('\r\u001b[K');
    this.#shown = false;
  }
}

/** Bytes as "17 B" or "1.5 MiB". */
export function inUnits(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let amount = bytes;
  let unit = 0;
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${amount.toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}
