/** The real system calls, of which one fails or does less than it was asked. */
import { constants } from 'node:os';
import { type AsyncSystem } from '#untorn/system/node-calls.js';
import { asyncSystem, syncSystem } from '../support/systems.ts';
import type { System } from '#untorn/system/port.js';

/**
 * What happens instead of one call: an error without effect, or also after the call has been made, as a server may
 * report; or a write that writes only so much.
 */
export type Fault =
  { readonly code: string; readonly isMade?: boolean } | { readonly short: (asked: number) => number };

/** Calls that change names, which a server may make and report an error for. */
const ofNames = new Set(['rename', 'renameNew', 'link', 'unlink', 'symlink', 'mkdir', 'rmdir']);

/** Counts the calls of one write, and spoils the one with the chosen number. */
export class Spoiler {
  readonly calls: (keyof System)[] = [];
  readonly #at: number;
  readonly #fault: Fault | undefined;
  /** Whether the chosen call was one that the fault applies to. */
  hit = false;

  constructor(at = -1, fault?: Fault) {
    this.#at = at;
    this.#fault = fault;
  }

  /** What is to happen instead of this call, if anything. */
  next(name: keyof System, args: unknown[]): { error: Error } | { args: unknown[] } | undefined {
    const number = this.calls.push(name) - 1;
    if (number !== this.#at || this.#fault === undefined) return undefined;
    if ('code' in this.#fault) {
      if (this.#fault.isMade === true && !ofNames.has(name)) return undefined;
      this.hit = true;
      return { error: systemError(this.#fault.code, name) };
    }
    if (name !== 'write' && name !== 'writev') return undefined;
    this.hit = true;
    const [fd, given] = args as [number, Uint8Array | readonly Uint8Array[]];
    const bytes = Buffer.concat(given instanceof Uint8Array ? [given] : given);
    const some = bytes.subarray(0, this.#fault.short(bytes.byteLength));
    return { args: [fd, name === 'write' ? some : [some]] };
  }

  /** A close that reports an error has closed the descriptor too (close(2)). */
  #makeAllTheSame(name: string, args: unknown[]): void {
    const isMade = this.#fault !== undefined && 'code' in this.#fault && this.#fault.isMade === true;
    if (name !== 'close' && !isMade) return;
    const make = syncSystem[name as keyof System] as (...given: unknown[]) => unknown;
    make(...args);
  }

  readonly sync: System = Object.fromEntries(
    Object.entries(syncSystem).map(([name, perform]) => [
      name,
      (...args: unknown[]) => {
        const instead = this.next(name as keyof System, args);
        if (instead !== undefined && 'error' in instead) {
          this.#makeAllTheSame(name, args);
          throw instead.error;
        }
        return (perform as (...given: unknown[]) => unknown)(...(instead?.args ?? args));
      },
    ]),
  ) as unknown as System;

  readonly async: AsyncSystem = Object.fromEntries(
    Object.entries(asyncSystem).map(([name, perform]) => [
      name,
      (...args: unknown[]) => {
        const done = args.pop() as (error: unknown, value?: unknown) => void;
        const instead = this.next(name as keyof System, args);
        if (instead !== undefined && 'error' in instead) {
          this.#makeAllTheSame(name, args);
          setImmediate(done, instead.error);
        } else {
          (perform as (...given: unknown[]) => unknown)(...(instead?.args ?? args), done);
        }
      },
    ]),
  ) as unknown as AsyncSystem;
}

function systemError(code: string, syscall: string): Error {
  const errno = -(constants.errno as Record<string, number>)[code]!;
  return Object.assign(new Error(`${code}: injected, ${syscall}`), { code, errno, syscall });
}
