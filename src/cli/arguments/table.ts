/**
 * What commands, options and exit codes are made of. Parsing and help (and a man page or completion) read the same
 * table.
 */

/** An option of a command. */
export interface OptionEntry {
  readonly name: string;
  readonly short?: string;
  /** What stands for the value in help; an option without one is a flag. */
  readonly value?: string;
  /** The values that there are, where they are few. */
  readonly choices?: readonly string[];
  /** May be given more than once; each value counts. */
  readonly multiple?: boolean;
  readonly help: string;
  /** The heading under which help has it. */
  readonly group?: string;
}

/** What a command gets: its operands and options as they were typed. */
export interface Invocation {
  readonly operands: readonly string[];
  /** What came after `--`, for a command that runs another. */
  readonly command: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** The code of a command, loaded when it is used, so that each starts as fast as it can. */
export interface CommandModule {
  /** Does it; the exit status. */
  readonly perform: (invocation: Invocation) => Promise<number>;
}

/** A command. */
export interface CommandEntry {
  readonly name: string;
  readonly synopsis: string;
  readonly summary: string;
  readonly description: readonly string[];
  readonly operands: { readonly names: readonly string[]; readonly repeated?: boolean; readonly optional?: boolean };
  /** Whether it takes a command to run, after `--`. */
  readonly runsCommand?: boolean;
  readonly options: readonly OptionEntry[];
  /** Exit codes and what they mean. */
  readonly exits: readonly (readonly [string, string])[];
  readonly examples: readonly string[];
  load(): Promise<CommandModule>;
}
