/**
 * Newest first: the order of the writes of one process.
 *
 * Promise: the last call wins, for any mix of synchronous and asynchronous calls and of paths that lead to one file. A
 * write that newer content overtook resolves only when that content is committed and as durable as the write asked for.
 *
 * Each call takes a number. Asynchronous writes of one file stand in its queue and run one at a time, the newest first.
 * The writes that it overtook need not be written. Writes that do more than set the content are never skipped: the
 * queue stays in order around them. A queue is found by the path as given, so that a thousand calls do not need a
 * thousand look-ups, and by the identity of directory and name, where aliases meet. A synchronous write waits for
 * nobody: it has the highest number, and finishes a rename that is under way in another thread.
 *
 * Nobody waits for a write that has not found its file yet, or whose data is still being read. If a call with a lock,
 * which builds on what is there, comes before it, then nobody has seen its content: it fails, and is not superseded.
 */
import { onAbort, aborted, refusal, type Durability, key } from '../contract/index.ts';
import { givePermit, now, clearTimeout, queueMicrotask, setTimeout, wait, type Steps } from '../system/index.ts';
import {
  during,
  failedDuring,
  fileKey,
  throwIfAborted,
  type Operation,
  type Target,
  type TemporaryFile,
} from '../files/index.ts';
import { deadlock, lockTimeout } from '../lock/index.ts';
import { Committed, Newest, FileQueue, type FileQueues } from './queue.ts';
import { finishRename, type RenameUnderWay } from './renames.ts';

/** The order of the calls of a process. */
class Order {
  lastNumber = 0;
  readonly queues: FileQueues = new Map();
  /** Renames under way in other threads, by file. */
  readonly renames = new Map<string, RenameUnderWay>();
  readonly newest = new Newest();
}

/** One call's place in the order. */
export class Turn {
  readonly number: number;
  readonly operation: Operation;
  readonly #order: Order;
  /** Whether newer content may take its place: not if it does more than set the content. */
  readonly supersedable: boolean;
  queue: FileQueue | undefined;
  #record: Committed | undefined;
  /** The queue of its path as given. */
  #name: string | undefined;
  /** The file that it was asked about last, and its key. */
  #place: Target | undefined;
  #key = '';
  /** The file that it is known to be for. */
  #file: string | undefined;
  /** Wakes it while it waits in a queue. */
  wake: ((overtakenBy: Committed | undefined) => void) | undefined;
  /** Limits its wait. */
  limitWait: (() => void) | undefined;

  /** The earlier call whose content a blocking write commits: it comes right after that call, not after all calls. */
  readonly onBehalfOf: Turn | undefined;

  constructor(operation: Operation, standsFor?: Turn) {
    this.operation = operation;
    this.#order = operation.environment.state.of(Order);
    this.onBehalfOf = standsFor;
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
      isOfContent(operation) &&
      operation.locking === undefined &&
      onlyContent &&
      preserve.mode !== 'off' &&
      preserve.owner !== 'off' &&
      preserve.xattr !== 'off';
    // Also a blocking call: the calls of its data's iterator come later than it.
    if (standsFor === undefined) this.#order.newest.callBegins(this.number);
    if (operation.locking !== undefined) operation.locking.deadline = now() + operation.settings.lock.timeout;
  }

  /**
   * Newer content that is already committed to this file, if there is any. To create only, the filesystem itself
   * decides; under a lock, the check that the file is unchanged since it was read.
   */
  newer(target: Target): Committed | undefined {
    if (!this.operation.settings.overwrite || this.operation.locking !== undefined) return undefined;
    const record = this.#order.newest.find(this.#keyOf(target));
    return record !== undefined && (record.number > this.number || record.number === this.onBehalfOf?.number)
      ? record
      : undefined;
  }

  /** Fails if newer content is committed: the file is no longer the one that this write replaces. */
  throwIfOvertaken(target: Target): void {
    if (this.newer(target) !== undefined) throw overtaken();
  }

  /** Whether that content supersedes this write. */
  yieldsTo(newer: Committed): boolean {
    return (this.supersedable && newer.replaces(this.number)) || newer.number === this.onBehalfOf?.number;
  }

  /** The content of the earlier call is being renamed: then the rename only has to be finished. */
  *finishStoodFor(target: Target): Steps<Committed | undefined> {
    const number = this.#order.renames.get(this.#keyOf(target))?.number;
    if (number === undefined || number !== this.onBehalfOf?.number) return undefined;
    yield* this.finishOther(target);
    return new Committed(number, this.operation.path);
  }

  /**
   * Stands in the queue without steps that wait: of a thousand calls for one file nearly all are overtaken, and this
   * makes them cheap. Calls back with the newer content, or to begin. Returns false if more is needed than waiting.
   */
  standBy(wake: (overtakenBy: Committed | undefined) => void): boolean {
    const found = this.#order.queues.get(this.#lineName());
    if (!this.supersedable || this.operation.blocking || this.operation.settings.signal !== undefined) return false;
    if (found !== undefined && (found.isLocking || !found.isBusy)) return false;
    const queue = (this.queue = found ?? this.#openQueue(this.#lineName()));
    this.wake = wake;
    this.limitWait = () => {
      // It may have moved to another queue.
      this.queue?.drop(this);
      this.queue = undefined;
      wake(undefined);
    };
    queue.add(this);
    return true;
  }

  /** Stands in the queue of the path as given. Returns the newer content that superseded this write, if any. */
  *enter(): Steps<Committed | undefined> {
    if (this.queue?.active === this) return undefined;
    const name = this.#lineName();
    if (this.operation.blocking) return this.#goAhead(name);
    return yield* this.#join(name);
  }

  #lineName(): string {
    // What is done with a name comes in the order of the writes by that name.
    const symlink = isOfContent(this.operation) ? this.operation.settings.symlink : 'follow';
    return (this.#name ??= `path ${symlink} ${key(this.operation.path)}`);
  }

  #keyOf(target: Target): string {
    if (target !== this.#place) {
      this.#place = target;
      this.#key = fileKey(target);
    }
    return this.#key;
  }

  /**
   * Stands in the queue of the file itself, at the latest now. Returns false if that was another queue, after waiting
   * in it: what was seen of the file may not be true any more. Before the wait, `leave` closes what is held open.
   */
  *claim(target: Target, leave: () => void): Steps<boolean> {
    const name = this.#keyOf(target);
    if (this.operation.blocking) return this.#goAhead(name) ?? true;
    const queue = this.#order.queues.get(name);
    if (queue === undefined) {
      if (this.queue === undefined) yield* this.#join(name);
      else this.queue.answerTo(name);
      return true;
    }
    if (queue === this.queue) return true;
    this.queue?.moveTo(queue, this);
    this.queue = undefined;
    leave();
    yield* this.#join(name);
    return false;
  }

  /** Takes its turn if it has to wait for nobody. */
  takeAtOnce(): boolean {
    const name = this.#lineName();
    const queue = this.#order.queues.get(name) ?? new FileQueue(this.#order.queues);
    if (queue.isBusy) return false;
    queue.answerTo(name);
    queue.active = this;
    this.queue = queue;
    return true;
  }

  /** The same for the file itself. */
  claimAtOnce(target: Target): boolean {
    const name = this.#keyOf(target);
    const queue = this.#order.queues.get(name);
    if (queue === undefined) this.queue?.answerTo(name);
    return queue === undefined || queue === this.queue;
  }

  /** A synchronous call waits for nobody. One that has to see the results of earlier calls cannot go ahead of them. */
  #goAhead(name: string): undefined {
    if (!this.#followsEarlier || !this.#order.queues.has(name)) return;
    throw failedDuring(this.operation, 'lock', deadlock());
  }

  /** An earlier write would be lost with the old name, or go where the new link leads. */
  get #followsEarlier(): boolean {
    const { locking, operation } = this.operation;
    return locking !== undefined || operation === 'rename' || operation === 'link';
  }

  *#join(name: string): Steps<Committed | undefined> {
    const queue = (this.queue = this.#order.queues.get(name) ?? this.#openQueue(name));
    if (queue.isBusy) return yield* during(this.operation, 'wait', this.#waitIn(queue));
    queue.active = this;
    return undefined;
  }

  #openQueue(name: string): FileQueue {
    const queue = new FileQueue(this.#order.queues);
    queue.answerTo(name);
    // Not yet: of the calls that a program makes in one go only the newest need be written.
    if (this.supersedable) queue.beginSoon();
    return queue;
  }

  *#waitIn(queue: FileQueue): Steps<Committed | undefined> {
    const { signal } = this.operation.settings;
    throwIfAborted(this.operation);
    return yield* wait<Committed | undefined>((wake, fail) => {
      let timer: NodeJS.Timeout | undefined;
      const giveUp = (error: Error): void => {
        end();
        this.queue?.drop(this);
        this.queue = undefined;
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
          this.operation.locking === undefined
            ? this.operation.settings.lock.timeout
            : this.operation.locking.deadline - began;
        timer ??= setTimeout(() => giveUp(lockTimeout(now() - began)), timeout);
        // It may wait for a callback that itself writes files.
        givePermit(this.operation);
      };
      this.wake = (overtakenBy) => {
        end();
        // Not within the steps of the write that has just ended: ten thousand could be woken one inside another.
        queueMicrotask(() => wake(overtakenBy));
      };
      queue.add(this);
    });
  }

  /** From now on it is for this file only. */
  identify(target: Target): void {
    const file = this.#keyOf(target);
    if (this.#order.newest.callIsFor(this.number, file)) this.#file = file;
  }

  /** Notes the start of a rename. A synchronous write may finish it. */
  begin(target: Target, { accessPath, linked, fd }: TemporaryFile): RenameUnderWay {
    const { overwrite } = this.operation.settings;
    const nameless = linked ? undefined : fd;
    const begun = {
      number: this.number,
      temporary: accessPath,
      target: target.accessPath,
      nameless,
      overwrite,
      tried: false,
      finished: false,
    };
    if (!this.operation.blocking) this.#order.renames.set(this.#keyOf(target), begun);
    return begun;
  }

  /** Notes its end. */
  end(target: Target): void {
    if (!this.operation.blocking) this.#order.renames.delete(this.#keyOf(target));
  }

  /** From now on this is the newest content of the file, unless newer content was committed meanwhile. */
  committed(target: Target, finishedByNewer = false): Committed | undefined {
    const before = this.#order.newest.find(this.#keyOf(target));
    const isLocked = this.operation.locking !== undefined;
    const number = Math.max(before?.number ?? 0, this.number);
    if (number > this.number && (!isLocked || finishedByNewer)) return undefined;
    this.#record = new Committed(number, this.operation.path, isLocked ? (before?.base ?? 0) : number);
    this.#order.newest.note(this.#keyOf(target), this.#record);
    return this.#record;
  }

  /**
   * A synchronous write finishes a rename that is under way in another thread. All earlier calls have a lower number.
   * Returns its number, if there was one.
   */
  *finishOther(target: Target): Steps<number | undefined> {
    return this.operation.blocking ? yield* this.#finishRename(target) : undefined;
  }

  /**
   * A call that is not in the queue of this file finishes a rename that is under way in another thread, and fails if
   * that one, or one before, was of a later call. The other thread may have renamed it already, and its call not know.
   */
  *finishOrYield(target: Target): Steps<void> {
    const finished = yield* this.#finishRename(target);
    if (finished !== undefined && finished > this.number) throw overtaken();
    this.throwIfOvertaken(target);
  }

  *#finishRename(target: Target): Steps<number | undefined> {
    const other = this.#order.renames.get(this.#keyOf(target));
    if (other !== undefined) yield* finishRename(this.operation, other);
    return other?.number;
  }

  /** Its committed content is as durable as was asked for. */
  confirmed(durability: Durability, durable: boolean | 'unsupported'): void {
    this.#record?.confirm(durability, durable);
  }

  /** Its committed content could not be confirmed durable. */
  failed(error: unknown): void {
    this.#record?.fail(error);
  }

  /** The call has ended: the next one's turn. */
  leave(): void {
    this.#order.newest.callEnds(this.number, this.#file);
    this.#file = undefined;
    this.queue?.next(this, this.#record);
  }
}

/** Whether an operation gives a file new content, and does nothing else with it. */
function isOfContent({ operation }: Operation): boolean {
  return operation === undefined || operation === 'copy';
}

/** The error of a call that does more than set the content, and that came too late. */
export function overtaken(): Error {
  return refusal('ERR_UNTORN_OVERTAKEN', 'a later call for this file came first');
}
