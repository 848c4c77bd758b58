/**
 * Newest first: the order of the writes of one process.
 *
 * Promise: the last call wins, whatever the mix of synchronous and asynchronous calls and of paths that lead to one
 * file; and a write that newer content overtook resolves only when that is in place and as durable as it asked for.
 *
 * Each call takes a number. Asynchronous writes of one file stand in its lane and run one at a time, the newest first;
 * those that it overtook need not be written. Writes whose effect is more than the content are never skipped: the lane
 * stays in order around them. A lane is found by the path as given, so that a thousand calls cost no thousand look-ups,
 * and by the identity of directory and name, where aliases meet. A synchronous write waits for nobody: it has the
 * highest number, and finishes a rename that another thread is at.
 */
import { onAbort, aborted, refusal, type Durability, key, type PathName } from '../contract/index.ts';
import { now, clearTimeout, queueMicrotask, setTimeout, wait, type Steps } from '../system/index.ts';
import { givePermit, fileKey, throwIfAborted, type Operation, type Target } from '../files/index.ts';
import { deadlock, lockTimeout } from '../lock/index.ts';
import { Committed } from './committed.ts';
import { Newest } from './newest.ts';
import { Lane, type Lanes } from './queue.ts';
import { finishRename, type RenameUnderWay } from './renames.ts';

/** The order of the calls of a process. */
class Order {
  lastNumber = 0;
  readonly lanes: Lanes = new Map();
  /** Renames that other threads are at, by file. */
  readonly renames = new Map<string, RenameUnderWay>();
  readonly newest = new Newest();
}

/** One call's place in the order. */
export class Turn {
  readonly number: number;
  readonly write: Operation;
  readonly #order: Order;
  /** Whether newer content may take the place of this one: not if it does more than set the content. */
  readonly supersedable: boolean;
  lane: Lane | undefined;
  #record: Committed | undefined;
  /** The line of its path as given. */
  #name: string | undefined;
  /** The file that it was asked about last, and its key. */
  #place: Target | undefined;
  #key = '';
  /** The file that it has settled on. */
  #file: string | undefined;
  /** Wakes it while it waits in a lane. */
  wake: ((overtakenBy: Committed | undefined) => void) | undefined;
  /** Sees to it that it does not wait for ever. */
  limitWait: (() => void) | undefined;

  /** The earlier call whose content a blocking write puts in place: it comes right after that, not after all calls. */
  readonly standsFor: Turn | undefined;

  constructor(operation: Operation, standsFor?: Turn) {
    this.write = operation;
    this.#order = operation.environment.state.of(Order);
    this.standsFor = standsFor;
    this.number = standsFor === undefined ? ++this.#order.lastNumber : standsFor.number + 0.5;
    const { mode, uid, gid, overwrite, backup, symlink, preserve } = operation.settings;
    const onlyContent =
      mode === undefined &&
      uid === undefined &&
      gid === undefined &&
      overwrite &&
      backup === undefined &&
      symlink === 'follow';
    this.supersedable =
      operation.locking === undefined &&
      onlyContent &&
      preserve.mode !== 'off' &&
      preserve.owner !== 'off' &&
      preserve.xattr !== 'off';
    // Also a blocking call: what its data's iterator does comes later than it.
    if (standsFor === undefined) this.#order.newest.callBegins(this.number);
    if (operation.locking !== undefined) operation.locking.deadline = now() + operation.settings.lock.timeout;
  }

  /**
   * The newer content that is in this file already, if there is some. To create only, the filesystem itself decides;
   * under a lock, whether the file is still what it was when it was read.
   */
  newer(target: Target): Committed | undefined {
    if (!this.write.settings.overwrite || this.write.locking !== undefined) return undefined;
    const record = this.#order.newest.find(this.#keyOf(target));
    return record !== undefined && (record.number > this.number || record.number === this.standsFor?.number)
      ? record
      : undefined;
  }

  /** Fails if newer content is in place: what is there now is not what this write replaces. */
  throwIfOvertaken(target: Target): void {
    if (this.newer(target) !== undefined) throw overtaken();
  }

  /** Whether that content makes this write needless. */
  yieldsTo(newer: Committed): boolean {
    return this.supersedable || newer.number === this.standsFor?.number;
  }

  /** What this stands for is being renamed: then it only has to be finished. */
  *finishStoodFor(target: Target): Steps<Committed | undefined> {
    const number = this.#order.renames.get(this.#keyOf(target))?.number;
    if (number === undefined || number !== this.standsFor?.number) return undefined;
    yield* this.finishOther(target);
    return new Committed(number, this.write.path);
  }

  /**
   * Stands in line without steps that wait: of a thousand calls of one file nearly all are overtaken, and cost little
   * then. Calls back with the newer content, or to begin. Returns false where there is more to it than to wait.
   */
  standBy(wake: (overtakenBy: Committed | undefined) => void): boolean {
    const found = this.#order.lanes.get(this.#lineName());
    if (!this.supersedable || this.write.blocking || this.write.settings.signal !== undefined) return false;
    if (found !== undefined && (found.isLocking || !found.isBusy)) return false;
    const lane = (this.lane = found ?? this.#openLane(this.#lineName()));
    this.wake = wake;
    this.limitWait = () => {
      // It may have moved to another one.
      this.lane?.drop(this);
      this.lane = undefined;
      wake(undefined);
    };
    lane.add(this);
    return true;
  }

  /** Stands in line by the path as given. Returns the newer content that made this write needless, if so. */
  *enter(): Steps<Committed | undefined> {
    if (this.lane?.active === this) return undefined;
    const name = this.#lineName();
    if (this.write.blocking) return this.#goAhead(name);
    return yield* this.#join(name);
  }

  #lineName(): string {
    return (this.#name ??= `path ${this.write.settings.symlink} ${key(this.write.path)}`);
  }

  #keyOf(target: Target): string {
    if (target !== this.#place) {
      this.#place = target;
      this.#key = fileKey(target);
    }
    return this.#key;
  }

  /**
   * Stands in line by the file itself, at the latest now. Returns false if that was another line, after waiting in it:
   * what was seen of the file may not be true any more. What is held open meanwhile is closed first, by `leave`.
   */
  *claim(target: Target, leave: () => void): Steps<boolean> {
    const name = this.#keyOf(target);
    if (this.write.blocking) return this.#goAhead(name) ?? true;
    const lane = this.#order.lanes.get(name);
    if (lane === undefined) {
      if (this.lane === undefined) yield* this.#join(name);
      else this.lane.answerTo(name);
      return true;
    }
    if (lane === this.lane) return true;
    this.lane?.moveTo(lane, this);
    this.lane = undefined;
    leave();
    yield* this.#join(name);
    return false;
  }

  /**
   * A synchronous call waits for nobody. One that has to see what the calls before it wrote cannot go ahead of them.
   */
  #goAhead(name: string): undefined {
    if (this.write.locking === undefined || !this.#order.lanes.has(name)) return;
    this.write.step = 'lock';
    throw deadlock();
  }

  *#join(name: string): Steps<Committed | undefined> {
    const lane = (this.lane = this.#order.lanes.get(name) ?? this.#openLane(name));
    if (lane.isBusy) return yield* this.#waitIn(lane);
    lane.active = this;
    return undefined;
  }

  #openLane(name: string): Lane {
    const lane = new Lane(this.#order.lanes);
    lane.answerTo(name);
    // Not yet: of the calls that a program makes in one go only the newest need be written.
    if (this.supersedable) lane.beginSoon();
    return lane;
  }

  *#waitIn(lane: Lane): Steps<Committed | undefined> {
    const { signal } = this.write.settings;
    this.write.step = 'wait';
    throwIfAborted(this.write);
    return yield* wait<Committed | undefined>((wake, fail) => {
      let timer: NodeJS.Timeout | undefined;
      const giveUp = (error: Error): void => {
        end();
        this.lane?.drop(this);
        this.lane = undefined;
        fail(error);
      };
      const stopListening = onAbort(signal, () => giveUp(aborted(signal as AbortSignal)));
      const end = (): void => {
        stopListening();
        clearTimeout(timer);
      };
      const began = now();
      this.limitWait = () => {
        const timeout =
          this.write.locking === undefined ? this.write.settings.lock.timeout : this.write.locking.deadline - began;
        timer ??= setTimeout(() => giveUp(lockTimeout(now() - began)), timeout);
        // What it waits for may be a callback that itself writes files.
        givePermit(this.write);
      };
      this.wake = (overtakenBy) => {
        end();
        // Not within the steps of the write that has just ended: ten thousand could be woken one in another.
        queueMicrotask(() => wake(overtakenBy));
      };
      lane.add(this);
    });
  }

  /** It is for this file and no other from now on. */
  settleOn(target: Target): void {
    const file = this.#keyOf(target);
    if (this.#order.newest.callIsFor(this.number, file)) this.#file = file;
  }

  /** Notes a rename that begins. A synchronous write may finish it. */
  begin(target: Target, temporary: PathName): RenameUnderWay {
    const { overwrite } = this.write.settings;
    const begun = { number: this.number, temporary, overwrite, tried: false, finished: false };
    if (!this.write.blocking) this.#order.renames.set(this.#keyOf(target), begun);
    return begun;
  }

  /** Notes its end. */
  end(target: Target): void {
    if (!this.write.blocking) this.#order.renames.delete(this.#keyOf(target));
  }

  /** From now on this is the newest content of the file, unless a newer one got in meanwhile. */
  placed(target: Target, finishedByNewer = false): Committed | undefined {
    const before = this.#order.newest.find(this.#keyOf(target))?.number ?? 0;
    if (before > this.number && (this.write.locking === undefined || finishedByNewer)) return undefined;
    this.#record = new Committed(Math.max(before, this.number), this.write.path);
    this.#order.newest.note(this.#keyOf(target), this.#record);
    return this.#record;
  }

  /** A synchronous write finishes a rename that another thread is at. Returns its number, if there was one. */
  *finishOther(target: Target): Steps<number | undefined> {
    const other = this.write.blocking ? this.#order.renames.get(this.#keyOf(target)) : undefined;
    if (other !== undefined) yield* finishRename(this.write, target, other);
    return other?.number;
  }

  /** What it placed is as durable as was asked for. */
  confirmed(durability: Durability, durable: boolean | 'unsupported'): void {
    this.#record?.confirm(durability, durable);
  }

  /** What it placed could not be confirmed durable. */
  failed(error: unknown): void {
    this.#record?.fail(error);
  }

  /** The call has ended: the next one's turn. */
  leave(): void {
    this.#order.newest.callEnds(this.number, this.#file);
    this.#file = undefined;
    this.lane?.next(this, this.#record);
  }
}

/** Of a write whose effect is more than the content, and which came too late. */
export function overtaken(): Error {
  return refusal('ERR_UNTORN_OVERTAKEN', 'a later synchronous write of this file came first');
}
