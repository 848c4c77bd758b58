/** Options that several commands have. */
import type { OptionEntry } from './table.ts';

export const helpOption: OptionEntry = { name: 'help', short: 'h', help: 'Show this help' };
export const jsonOption: OptionEntry = { name: 'json', help: 'Print what was done (or what failed) as one line of JSON on standard output' };
export const quietOption: OptionEntry = { name: 'quiet', short: 'q', help: 'Neither warnings nor progress; errors are still told' };

/** Options of every command that replaces a file. */
export const writeOptions: readonly OptionEntry[] = [
  {
    name: 'durability',
    value: 'LEVEL',
    choices: ['full', 'normal', 'off'],
    help: 'What a power cut leaves: the new content (full, the default), the old or the new (normal), or maybe neither (off)',
  },
  { name: 'mode', short: 'm', value: 'MODE', help: 'Permission bits, octal; default: those of the replaced file, or 0666 less the umask' },
  { name: 'owner', value: 'USER[:GROUP]', help: 'Owner, and group (:GROUP alone sets the group), by name or number; default: as the replaced file' },
  {
    name: 'preserve',
    value: 'LIST',
    multiple: true,
    help: 'What to keep of the replaced file: mode, owner, xattr, times, each as WHAT, WHAT=require (or fail) or WHAT=off, separated by commas; default: mode,owner,xattr as far as possible',
  },
  { name: 'backup', short: 'b', value: 'KIND', choices: ['none', 'simple', 'numbered'], help: 'Keep the replaced file as FILE~ (simple) or FILE.~1~, FILE.~2~ … (numbered)' },
  { name: 'backup-limit', value: 'N', help: 'Keep the last N numbered backups' },
  { name: 'backup-path', value: 'PATH', help: 'Keep the replaced file as PATH' },
  { name: 'symlink', value: 'HOW', choices: ['follow', 'replace', 'refuse'], help: 'FILE is a symbolic link: write what it leads to (default), replace it, or fail' },
  { name: 'hard-link', value: 'HOW', choices: ['break', 'refuse'], help: 'FILE has other names: they keep the old content (default), or fail' },
  { name: 'no-overwrite', short: 'n', help: 'Create only, atomically; exits with the code for a conflict if FILE exists' },
  { name: 'make-parents', short: 'p', help: 'Create missing parent directories' },
  { name: 'in-place-fallback', help: 'Where FILE cannot be replaced (bind mount, read-only directory), write into it, which is not atomic' },
  { name: 'skip-unchanged', help: 'Leave FILE and its times alone if the content is the same' },
  { name: 'tee', short: 't', help: 'Also copy the data to standard output; if that fails, FILE is untouched' },
  jsonOption,
  quietOption,
  { name: 'verbose', short: 'v', help: 'Tell what was done on standard error' },
  helpOption,
];
