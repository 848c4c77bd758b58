/** What one target may hold, and what has been promised about it: the checks' memory. */
import type { Durability, WriteResult } from 'untorn';
import type { Inode } from './tree.ts';

/** One content of the target. All of its bytes are one letter, so that a mixture shows. */
export interface Version {
  readonly letter: string;
  readonly content: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Its place in the order of the calls; the content from before has 0. */
  readonly number: number;
  /** Whether a crash may damage it: nobody has synced it or said so. */
  soft: boolean;
}

export class History {
  /** The path of the file itself, behind all links. */
  readonly target: string;
  readonly old: Version | undefined;
  /** The old content, and those of the calls that have begun. */
  readonly versions: Version[] = [];
  /** The newest version of which a call has said that it is durable. */
  promised = 0;
  /** Whether the path has been seen to exist. */
  exists: boolean;
  /** Where the old content is to be kept. */
  readonly backup: string | undefined;
  /** Whether it can only be written in place. */
  readonly inPlace: boolean;

  constructor(target: string, old: Version | undefined, backup: string | undefined, inPlace: boolean) {
    this.target = target;
    this.old = old;
    this.exists = old !== undefined;
    this.backup = backup;
    this.inPlace = inPlace;
    if (old !== undefined) this.versions.push(old);
  }

  /** A call begins. */
  begin(version: Version): void {
    this.versions.push(version);
  }

  /**
   * A call has succeeded: it vouches for what it found in place, not for what a later call may have put there since.
   */
  succeed(
    number: number,
    durability: Durability,
    { durable, superseded }: WriteResult,
    inPlace: Inode | undefined,
  ): void {
    if (durability === 'off' || inPlace === undefined) return;
    if (durability === 'full' && durable === true) this.promised = Math.max(this.promised, number);
    for (const version of this.holding(inPlace)) if (superseded || version.number <= number) version.soft = false;
  }

  /** The versions that a file is, whole and with the metadata that belong to it. */
  holding({ data, mode, uid, gid }: Inode): Version[] {
    return this.versions.filter(
      (version) => version.content === data && version.mode === mode && version.uid === uid && version.gid === gid,
    );
  }

  /** Equal where the same is allowed. */
  get signature(): string {
    return `${this.promised} ${this.exists} ${this.versions.map(({ letter, number, soft }) => `${letter}${number}${soft ? '?' : ''}`).join()}`;
  }
}
