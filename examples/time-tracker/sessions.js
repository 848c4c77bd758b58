// What the tracker keeps: the session that runs in active.json, and those that have ended in sessions.json.
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, recover, transaction, updateJson } from 'untorn';

/** What the user has to hear. */
export class TrackerError extends Error {}

export class Tracker {
  #folder;
  #active;
  #sessions;

  constructor(folder) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.#active = join(folder, 'active.json');
    this.#sessions = join(folder, 'sessions.json');
  }

  /** Starts a session. Of several processes that start one at once, one does. */
  async start(project) {
    const session = { id: randomUUID(), project, start: new Date().toISOString() };
    await updateJson(
      this.#active,
      (active) => {
        if (active !== null) throw new TrackerError(`Already tracking ${active.project}`);
        return session;
      },
      { initial: null },
    );
    return session;
  }

  /** Ends the session: it is added to the log and is active no more, both or neither. */
  async stop() {
    let session;
    await transaction(
      async (tx) => {
        const active = await tx.readJson(this.#active, { initial: null });
        if (active === null) throw new TrackerError('Nothing is being tracked');
        session = { ...active, end: new Date().toISOString() };
        const sessions = await tx.readJson(this.#sessions, { initial: [] });
        await tx.writeJson(this.#sessions, [...sessions, session], { indent: 2 });
        await tx.remove(this.#active);
      },
      { lock: { files: [this.#active, this.#sessions] } },
    );
    return session;
  }

  /** The session that runs, or null. */
  async active() {
    await this.recover();
    return readJson(this.#active, { initial: null });
  }

  /** The sessions that have ended, the oldest first. */
  async log() {
    await this.recover();
    return readJson(this.#sessions, { initial: [] });
  }

  /**
   * Completes a stop that was killed half way. Who starts or stops a session does so by itself; who only reads has to.
   */
  async recover() {
    return recover(this.#folder);
  }
}
