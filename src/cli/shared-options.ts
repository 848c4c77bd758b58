/** Options that several commands have. */
import type { OptionEntry } from './arguments/table.ts';

export const helpOption: OptionEntry = { name: 'help', short: 'h', help: '-h shows the options, --help all' };
export const jsonOption: OptionEntry = {
  name: 'json',
  help: 'Print what was done (or what failed) as one line of JSON on standard output',
};
export const quietOption: OptionEntry = {
  name: 'quiet',
  short: 'q',
  help: 'Neither warnings nor progress; errors are still reported',
};

function inGroup(group: string, options: readonly OptionEntry[]): readonly OptionEntry[] {
  return options.map((option) => ({ ...option, group }));
}

const verboseOption: OptionEntry = { name: 'verbose', short: 'v', help: 'Report what was done on standard error' };
const lockTimeoutOption: OptionEntry = {
  name: 'lock-timeout',
  value: 'DURATION',
  help: 'How long to wait for a lock that others hold: 500ms, 90s, 30m; 0 tries once; default: 30s',
};

const anyFilesystemOption: OptionEntry = {
  name: 'any-filesystem',
  help: 'Also where no lock excludes others, as on SMB, sshfs and object stores: without it, what needs a lock fails there',
};

const temporaryDirectory: OptionEntry = {
  name: 'temporary-directory',
  value: 'DIR',
  help: 'Where the temporary file is made: a directory of your own on the same filesystem; default: beside FILE',
};

const durability: OptionEntry = {
  name: 'durability',
  value: 'LEVEL',
  choices: ['full', 'normal', 'off'],
  help: 'What a power cut leaves: the new content (full, the default), the old or the new (normal), or maybe neither (off)',
};

const metadata: readonly OptionEntry[] = [
  {
    name: 'mode',
    short: 'm',
    value: 'MODE',
    help: 'Permission bits, octal; default: those of the replaced file, or 0666 less the umask',
  },
  {
    name: 'owner',
    value: 'USER[:GROUP]',
    help: 'Owner, and group (:GROUP alone sets the group), by name or number; default: as the replaced file',
  },
  {
    name: 'preserve',
    value: 'LIST',
    multiple: true,
    help: 'What to keep of the replaced file: mode, owner, xattr, flags, times, each as WHAT, WHAT=require (or fail) or WHAT=off, separated by commas; default: mode,owner,xattr,flags as far as possible',
  },
];

const backups: readonly OptionEntry[] = [
  {
    name: 'backup',
    short: 'b',
    value: 'KIND',
    choices: ['none', 'simple', 'numbered'],
    help: 'Keep the replaced file as FILE~ (simple) or FILE.~1~, FILE.~2~ … (numbered)',
  },
  { name: 'backup-limit', value: 'N', help: 'Keep the last N numbered backups' },
];

const links: readonly OptionEntry[] = [
  {
    name: 'symlink',
    value: 'HOW',
    choices: ['follow', 'replace', 'refuse'],
    help: 'FILE is a symbolic link: write its target (default), replace it, or fail',
  },
  {
    name: 'hard-link',
    value: 'HOW',
    choices: ['break', 'refuse'],
    help: 'FILE has other names: they keep the old content (default), or fail',
  },
];

const noOverwrite: OptionEntry = {
  name: 'no-overwrite',
  short: 'n',
  help: 'Create only, atomically; exits with the code for a conflict if FILE exists',
};
const makeParents: OptionEntry = { name: 'make-parents', short: 'p', help: 'Create missing parent directories' };
const ending: readonly OptionEntry[] = inGroup('What is told', [jsonOption, quietOption, verboseOption, helpOption]);
const lasting: readonly OptionEntry[] = inGroup('Properties of the file', [durability, ...metadata, ...links]);

const ifMatch: OptionEntry = {
  name: 'if-match',
  value: 'VERSION',
  help: "Only if FILE's content has this SHA-256, as sha256sum(1) prints it, or FILE is 'absent'; exits with the code for a conflict if not",
};

/** Options of every command that replaces one file. */
const oneFile: readonly OptionEntry[] = [
  makeParents,
  { name: 'skip-unchanged', help: 'Leave FILE and its times alone if the content is the same' },
  ifMatch,
  lockTimeoutOption,
  anyFilesystemOption,
  temporaryDirectory,
  { name: 'tee', short: 't', help: 'Also copy the data to standard output; if that fails, FILE is untouched' },
  ...lasting,
  ...inGroup('Backups', [...backups, { name: 'backup-path', value: 'PATH', help: 'Keep the replaced file as PATH' }]),
];

const whatever: readonly OptionEntry[] = [
  noOverwrite,
  {
    name: 'in-place-fallback',
    help: 'If FILE cannot be replaced (bind mount, read-only directory), write into it, which is not atomic',
  },
  ...oneFile,
  ...ending,
];

/** Options of the commands that replace FILE, whatever it held. */
export const writeOptions: readonly OptionEntry[] = [
  { name: 'no-empty', help: 'Fail if there is nothing to write, and FILE has content' },
  ...whatever,
];
const allowEmpty: OptionEntry = {
  name: 'allow-empty',
  help: 'Replace FILE even if it has content and there is no output; otherwise that is a failure',
};
export const runOptions: readonly OptionEntry[] = [allowEmpty, ...whatever];

/** Options of the command that changes what FILE holds. */
export const editOptions: readonly OptionEntry[] = [
  {
    name: 'create',
    short: 'c',
    help: 'FILE may be missing: the filter then gets no input, and its output is the new file',
  },
  allowEmpty,
  {
    name: 'retries',
    value: 'N',
    help: 'How often to run FILTER again if a program that knows nothing of the lock changes FILE meanwhile; default: 0',
  },
  ...oneFile,
  ...ending,
];

/** Options of the command that copies a file. */
export const copyOptions: readonly OptionEntry[] = whatever.filter(({ name }) => name !== 'tee');

/** Options of all commands that change one name. */
const ofName: readonly OptionEntry[] = [lockTimeoutOption, durability, ...ending];

export const namingOptions: readonly OptionEntry[] = [noOverwrite, makeParents, ...ofName];
export const removeOptions: readonly OptionEntry[] = [
  { name: 'force', short: 'f', help: 'FILE may be missing' },
  ifMatch,
  anyFilesystemOption,
  ...ofName,
];
export const appendOptions: readonly OptionEntry[] = [
  {
    name: 'mode',
    short: 'm',
    value: 'MODE',
    help: 'Permission bits of a new file, octal; default: 0666 less the umask',
  },
  makeParents,
  anyFilesystemOption,
  ...ofName,
];
/** Options of the command that runs another under the lock of a file. */
export const lockOptions: readonly OptionEntry[] = [makeParents, lockTimeoutOption, anyFilesystemOption, helpOption];

/** Options of the command that changes several files. */
export const commitOptions: readonly OptionEntry[] = [
  noOverwrite,
  makeParents,
  lockTimeoutOption,
  anyFilesystemOption,
  ...lasting,
  ...inGroup('Backups', backups),
  ...ending,
];
