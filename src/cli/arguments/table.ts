/**
 * The types of the table of commands, options and exit codes. The parser, the help, the manual pages and the
 * completions read the same table.
 */

/** An option of a command. */
export interface OptionEntry {
  readonly name: string;
  readonly short?: string;
  /** The placeholder of the value in help; an option without one is a flag. */
  readonly value?: string;
  /** The allowed values, if they are few. */
  readonly choices?: readonly string[];
  /** May be given more than once; each value counts. */
  readonly multiple?: boolean;
  readonly help: string;
  /** The heading of the option in help. */
  readonly group?: string;
}

/** What a command receives: its operands and options as they were typed. */
export interface Invocation {
  readonly operands: readonly string[];
  /** The words after `--`, for a command that runs another. */
  readonly command: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** The code of a command. It is loaded when it is used, so that each command starts as fast as it can. */
export interface CommandModule {
  /** Performs the command, and gives the exit status. */
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
