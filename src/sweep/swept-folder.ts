/** One directory of a sweep, and facts about it, each found out once at most and only if needed. */
import { asText, join, type PathName } from '../contract/index.ts';
import { fileType, parseToken, call, type FileStatus, type Steps } from '../system/index.ts';
import { youngIn, type IsYoung, type Operation, lookIn, type FoundDirectory } from '../files/index.ts';

/** The contents of a directory, by one look at each name. */
interface Survey {
  /** How many names each file has there. */
  readonly names: Map<string, number>;
  /** The targets of the symbolic links that are not temporary. */
  readonly links: Set<string>;
}

export class SweptFolder {
  readonly found: FoundDirectory;
  readonly names: readonly PathName[];
  /** Whether only one kernel can have its filesystem mounted. */
  readonly exclusive: boolean;
  readonly #operation: Operation;
  #survey: Survey | undefined;
  /** What is young there, once that was asked. */
  isYoung: IsYoung | undefined;

  constructor(operation: Operation, found: FoundDirectory, names: readonly PathName[], exclusive: boolean) {
    this.#operation = operation;
    this.found = found;
    this.names = names;
    this.exclusive = exclusive;
  }

  /** Whether a file has another name here, so that nothing is lost with one of them. */
  *hasOtherName(status: FileStatus): Steps<boolean> {
    const { names } = yield* this.#look();
    return (names.get(inodeOf(status)) ?? 0) > 1;
  }

  /** A name of the file was removed. */
  forget(status: FileStatus): void {
    const count = this.#survey?.names.get(inodeOf(status));
    if (count !== undefined) this.#survey?.names.set(inodeOf(status), count - 1);
  }

  /** Whether a symbolic link leads to a name. The temporary link of one that is being replaced does not count. */
  *isLinkedTo(name: PathName): Steps<boolean> {
    const { links } = yield* this.#look();
    return links.has(asText(name));
  }

  *#look(): Steps<Survey> {
    if (this.#survey !== undefined) return this.#survey;
    const survey: Survey = { names: new Map(), links: new Set() };
    for (const name of this.names) {
      const status = yield* lookIn(this.found, name);
      if (status === undefined) continue;
      survey.names.set(inodeOf(status), (survey.names.get(inodeOf(status)) ?? 0) + 1);
      if (fileType(status.mode) === 'link' && parseToken(asText(name)) === undefined) {
        survey.links.add(asText(yield* call.readlink(join(this.found.directory.accessPath, name))));
      }
    }
    this.#survey = survey;
    return survey;
  }

  /** Asks the filesystem for its time. `olderThan` is the age that the caller gave. */
  *askAge(olderThan: number | undefined): Steps<IsYoung> {
    this.isYoung = yield* youngIn(this.#operation, this.found, olderThan);
    return this.isYoung;
  }
}

function inodeOf({ dev, ino }: FileStatus): string {
  return `${dev}:${ino}`;
}
