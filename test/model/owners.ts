/**
 * Processes that update one file on a simulated disk, one action at a time, in an order that is chosen from outside.
 * They may be killed, and they may be taken for dead although they are not.
 */
import type { WriteError } from 'untorn';
import { readOptions } from '#untorn/files/settings.js';
import { updateTarget, type Updated } from '#untorn/replace/locked.js';
import { Turn } from '#untorn/order/turn.js';
import { newLockedOperation } from '#untorn/files/operation.js';
import { givenPath } from '#untorn/system/paths.js';
import { inTurn, type Request, type Steps, type System, type SystemCall } from '#untorn/system/port.js';
import type { LockOwner } from '#untorn/system/lock-owner.js';
import { linkByLink } from './chain.ts';
import type { Disk } from './disk.ts';
import { resume, type Outcome } from './resume.ts';
import { systemOf, type Traits } from './system.ts';
import { surroundingsOf } from './writers.ts';

/** Calls that no other process notices or changes. */
const unnoticed = new Set<keyof System>([
  'write',
  'read',
  'close',
  'fstat',
  'fsync',
  'fchmod',
  'fchown',
  'listxattr',
  'statfs',
  'readlink',
]);

/** Changes what one process yields: a mistake in the protocol. */
export type Mutation = (request: SystemCall, index: number) => Steps<unknown> | undefined;

export const target = '/d/f';

export interface OwnerOptions {
  readonly letter: string;
  /** Whether it takes every other for dead: what is said of a process that is only stopped. */
  readonly distrusts: boolean;
  /** Whether it does not look at the target again before the rename, so that nothing but the lock protects. */
  readonly blind: boolean;
  /** Whether it heeds no ticket, as if those in front of it stood still for ever. */
  readonly heedless: boolean;
  readonly isDead: (owner: LockOwner) => boolean;
  readonly traits?: Traits;
  readonly mutation?: Mutation | undefined;
}

export class Owner {
  readonly letter: string;
  state: 'running' | 'updated' | 'failed' | 'killed' = 'running';
  error: WriteError | undefined;
  readonly #disk: Disk;
  readonly #system: System;
  readonly #stack: Steps<unknown>[];
  readonly #index: number;
  readonly #mutation: Mutation | undefined;
  #request: SystemCall | undefined;
  /** Whether it does what a mistake does instead. */
  #mistaken = false;
  /** The state of the disk when it last tried to take the lock, or looked whether it is its turn. */
  #tried = -1;
  #slept = false;
  /** How often it woke up though nothing had changed. */
  naps = 0;

  constructor(
    disk: Disk,
    index: number,
    { letter, distrusts, blind, heedless, isDead, traits, mutation }: OwnerOptions,
  ) {
    this.letter = letter;
    this.#disk = disk;
    this.#index = index;
    this.#mutation = mutation;
    const system = systemOf(disk, traits);
    const seen = heedless
      ? {
          ...system,
          readdir: (path: string | Buffer) => system.readdir(path).filter((name) => !/^\d+\./.test(String(name))),
        }
      : system;
    this.#system = blind ? blinded(seen) : seen;
    const environment = {
      ...surroundingsOf(index, (fd) => system.close(fd)),
      judge: (owner: LockOwner) => (distrusts || isDead(owner) ? ('dead' as const) : ('alive' as const)),
    };
    const operation = newLockedOperation(
      givenPath(target),
      readOptions({ durability: 'normal', lock: { timeout: 0x7fffffff } }),
      environment,
      true,
    );
    const change = function* (old: Buffer | undefined): Steps<{ content: { kind: 'bytes'; bytes: Buffer } }> {
      return { content: { kind: 'bytes', bytes: Buffer.from(`${old ?? ''}${letter}`) } };
    };
    this.#stack = [updateTarget(operation, new Turn(operation), change)];
    this.#proceed({ value: undefined });
  }

  /** Whether it can go on: who sleeps sleeps until something has changed, or until nobody else does anything. */
  get canAct(): boolean {
    return this.state === 'running' && (this.#request?.name !== 'sleep' || this.#disk.version !== this.#tried);
  }

  get sleeps(): boolean {
    return this.state === 'running' && this.#request?.name === 'sleep';
  }

  /** Does the next call, and those after it that nobody notices; returns what it was. */
  act(): string {
    const { name } = this.#request as SystemCall;
    do {
      const request = this.#request as SystemCall;
      this.#proceed(this.#perform(request));
    } while (this.state === 'running' && unnoticed.has((this.#request as SystemCall).name));
    return name;
  }

  kill(): void {
    if (this.state === 'running') this.state = 'killed';
  }

  #perform({ name, args }: SystemCall): Outcome {
    if (name === 'sleep') {
      this.#slept = true;
      return { value: undefined };
    }
    if (this.#slept || name === 'rename' || (name === 'readdir' && String(args[0]).endsWith('.untorn-lock')))
      this.#tried = this.#disk.version;
    this.#slept = false;
    try {
      return { value: (this.#system[name] as (...given: unknown[]) => unknown)(...args) };
    } catch (error) {
      return { error };
    }
  }

  #proceed(outcome: Outcome): void {
    const next = resume(this.#stack.at(-1) as Steps<unknown>, outcome);
    if ('request' in next) this.#take(next.request);
    else this.#leave(next.ended);
  }

  #leave(outcome: Outcome): void {
    this.#stack.pop();
    this.#mistaken = false;
    if (this.#stack.length > 0) {
      this.#proceed(outcome);
      return;
    }
    const error =
      'error' in outcome
        ? outcome.error
        : 'error' in (outcome.value as Updated)
          ? (outcome.value as { error: unknown }).error
          : undefined;
    this.state = error === undefined ? 'updated' : 'failed';
    this.error = error as WriteError | undefined;
  }

  #take(request: Request): void {
    if (request.name === 'wait') throw new Error('A synchronous call waits');
    if (request.name === 'uninterrupted' || request.name === 'concurrently' || request.name === 'chain') {
      this.#stack.push(partsOf(request));
      this.#proceed({ value: undefined });
      return;
    }
    // What a mistake does instead is done as it says.
    const instead = this.#mistaken ? undefined : this.#mutation?.(request, this.#index);
    if (instead === undefined) {
      this.#request = request;
    } else {
      this.#mistaken = true;
      this.#stack.push(instead);
      this.#proceed({ value: undefined });
    }
  }
}

/** The steps of a request that is more than one call. */
function partsOf(request: Exclude<Request, SystemCall | { name: 'wait' }>): Steps<unknown> {
  if (request.name === 'chain') return linkByLink(request.links);
  return request.name === 'uninterrupted' ? request.steps : inTurn(request.steps);
}

/** Shows the target as it was when it was read, until it is replaced. */
function blinded(system: System): System {
  let read = -1;
  let isDone = false;
  let seen: { status?: ReturnType<System['lstat']>; error?: unknown } | undefined;
  return {
    ...system,
    open(path, flags, mode) {
      const isTarget = String(path).endsWith('/f');
      try {
        const fd = system.open(path, flags, mode);
        if (isTarget) read = fd;
        return fd;
      } catch (error) {
        if (isTarget) seen = { error };
        throw error;
      }
    },
    fstat(fd) {
      const status = system.fstat(fd);
      if (fd === read) seen ??= { status };
      return status;
    },
    rename(from, to) {
      system.rename(from, to);
      isDone ||= String(to).endsWith('/f');
    },
    lstat(path) {
      if (isDone || seen === undefined || !String(path).endsWith('/f')) return system.lstat(path);
      if (seen.error !== undefined) throw seen.error;
      return seen.status as ReturnType<System['lstat']>;
    },
  };
}
