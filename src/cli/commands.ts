/** The table of commands. */
import {
  commitOptions,
  editOptions,
  helpOption,
  jsonOption,
  quietOption,
  runOptions,
  writeOptions,
} from './shared-options.ts';
import type { CommandEntry, OptionEntry } from './arguments/table.ts';

const outcomes = [
  ['0', 'done'],
  ['1', 'failed; the old content stays'],
  ['2', 'wrong usage'],
  ['3', 'conflict: FILE exists and was only to be created, or has another version; the old content stays'],
  ['4', 'the new content is committed, but not confirmed durable'],
  ['5', 'failed, and what FILE holds now is unknown'],
  ['6', 'another process held the lock for too long; the old content stays'],
  ['7', 'there was nothing to write, and FILE keeps its content (--no-empty)'],
  ['8', 'done, but the output on standard output is lost'],
] as const;

/** The exit codes of commands that run another command, which has codes of its own. */
function outcomesBeside(command: string): CommandEntry['exits'] {
  return [
    ['0', 'done'],
    ['118', 'done, but the output on standard output is lost'],
    ['119', `${command} printed nothing, and FILE keeps its content (see --allow-empty)`],
    ['120', 'another process held the lock for too long; the old content stays'],
    [
      '121…125',
      'untorn itself: the codes 1 to 5 of "untorn write" plus 120 (121 failed; 122 wrong usage; 123 conflict; 124 not confirmed durable; 125 unknown)',
    ],
    ['126', `${command} was found and cannot be run`],
    ['127', `${command} was not found`],
    ['128+N', `${command} was killed by signal N`],
    ['other', `${command}'s own exit status; FILE is untouched`],
  ];
}

const write: CommandEntry = {
  name: 'write',
  synopsis: 'untorn write [OPTION]… FILE',
  summary: 'Replace FILE with standard input',
  description: [
    'Reads standard input to its end, then replaces FILE at once: whoever opens it, at any moment, finds the whole old or the whole new content. FILE is untouched if standard input cannot be read or the disk is full, and on SIGINT, SIGTERM or SIGHUP.',
    'A command before it in a pipeline may have failed all the same: its output then just ends. "untorn run" sees how a command ended.',
  ],
  operands: { names: ['FILE'] },
  options: writeOptions,
  exits: outcomes,
  examples: [
    'sort names.txt | untorn write names.txt',
    'fetch-list | untorn write --backup numbered --backup-limit 5 list',
  ],
  load: () => import('./write.ts'),
};

const run: CommandEntry = {
  name: 'run',
  synopsis: 'untorn run [OPTION]… FILE -- COMMAND [ARG]…',
  summary: "Replace FILE with a command's output, if the command succeeds",
  description: [
    'Runs COMMAND and replaces FILE with its standard output, once COMMAND has exited with 0 and its output has ended (processes that it leaves in the background may still write to it). If COMMAND fails, FILE is untouched; also if it prints nothing and FILE has content (--allow-empty). Standard input and standard error are those of untorn.',
    'SIGINT, SIGTERM and SIGHUP are passed on to COMMAND; when it has ended FILE is untouched, and untorn ends by the same signal. A Ctrl-C at the terminal reaches COMMAND twice.',
  ],
  operands: { names: ['FILE'] },
  runsCommand: true,
  options: runOptions,
  exits: outcomesBeside('COMMAND'),
  examples: [
    'untorn run report.csv -- make-report --all',
    "untorn run --backup simple hosts -- sed 's/old/new/' hosts",
  ],
  load: () => import('./run.ts'),
};

const edit: CommandEntry = {
  name: 'edit',
  synopsis: 'untorn edit [OPTION]… FILE -- FILTER [ARG]…',
  summary: "Replace FILE with a filter's output, made of its old content, and lose nobody's update",
  description: [
    'Takes the lock of FILE, runs FILTER with the old content as its standard input, and replaces FILE with its standard output once FILTER has exited with 0 and its output has ended. Whoever edits FILE at the same time, with this command or with updateFile() of the library, waits, so that no change is lost. If FILTER fails, FILE is untouched; also if it prints nothing and FILE has content (--allow-empty). FILTER must not change the file itself, as "sed -i" does.',
    'If a program that knows nothing of the lock replaces FILE meanwhile, that is a conflict, and its content stays. A FILTER that edits the same FILE with untorn would wait for itself.',
    'Signals are passed on as by "untorn run".',
  ],
  operands: { names: ['FILE'] },
  runsCommand: true,
  options: editOptions,
  exits: outcomesBeside('FILTER'),
  examples: [
    'untorn edit package.json -- jq \'.version = "2.0.0"\'',
    'untorn edit --create hosts.allow -- sh -c \'cat; echo "sshd: 10.0.0.7"\'',
  ],
  load: () => import('./edit.ts'),
};

const commit: CommandEntry = {
  name: 'commit',
  synopsis: 'untorn commit [OPTION]… TARGET=SOURCE…',
  summary: 'Replace several files together, all or none',
  description: [
    'Reads every SOURCE to its end, and then replaces all of the TARGETs in one transaction: if anything fails, all of them hold their old content. A SOURCE of "-" is standard input; a file of that name is "./-". The first "=" ends TARGET.',
    'When the machine or the process dies half way, "untorn recover", or the next transaction in that directory, completes it or removes what it had staged. Whoever reads several files meanwhile may find some of them old and some new.',
    'A manifest can do more. It is a JSON array with an object for each change: {"write": TARGET, "from": SOURCE} or {"write": TARGET, "content": TEXT}, with "mode" (octal digits in a string) and "overwrite": false and "ifMatch": VERSION if wanted; {"remove": PATH}; {"rename": PATH, "to": TARGET}, with "overwrite": false if wanted. Relative paths start at the working directory; a name that is not UTF-8 is {"base64": TEXT}.',
  ],
  operands: { names: ['TARGET=SOURCE'], repeated: true, optional: true },
  options: [
    { name: 'manifest', value: 'FILE', help: 'Also the changes in this file; "-" is standard input' },
    { name: 'remove', value: 'PATH', multiple: true, help: 'Also remove this file' },
    ...commitOptions,
  ],
  exits: outcomes
    .filter(([code]) => code !== '7')
    .map(([code, meaning]) =>
      code === '4'
        ? [code, 'committed, but not completed or not confirmed durable; "untorn recover" completes it']
        : [code, meaning.replace('FILE holds', 'the files hold').replace('FILE exists', 'a TARGET exists')],
    ),
  examples: [
    'untorn commit app.json=new-app.json users.json=new-users.json',
    'untorn commit sessions.json=new-sessions.json --remove active.json',
  ],
  load: () => import('./commit.ts'),
};

const recover: CommandEntry = {
  name: 'recover',
  synopsis: 'untorn recover [OPTION]… DIR…',
  summary: 'Complete or remove the transactions that killed processes left',
  description: [
    'Completes committed transactions, and removes what the others had staged, so that each is done or not done. Prints a line for each file: the result, and its path. "completed" and "removed" are the usual results. A "superseded" file was written by somebody since the commit, and stays. The new content of a "missing" file is gone; whether that of an "unknown" file is gone cannot be determined. "unreachable" files wait for a missing directory. Transactions that it leaves alone, such as those under way, are reported on standard error, with the reason.',
  ],
  operands: { names: ['DIR'], repeated: true },
  options: [
    {
      name: 'older-than',
      value: 'DURATION',
      help: 'Age from which a transaction counts as interrupted if its owner cannot be judged (another machine, another container): 500ms, 90s, 30m, 12h, 7d, 2w; default: 1d',
    },
    { ...jsonOption, help: 'Print what was done as one line of JSON on standard output' },
    { ...quietOption, help: 'Do not report what was left alone; errors are still reported' },
    helpOption,
  ],
  exits: [
    ['0', 'done'],
    ['1', 'a directory could not be read, a transaction neither completed nor removed, or a file is missing'],
    ['2', 'wrong usage'],
  ],
  examples: ['untorn recover /var/lib/app'],
  load: () => import('./recover.ts'),
};

const sweep: CommandEntry = {
  name: 'sweep',
  synopsis: 'untorn sweep [OPTION]… DIR…',
  summary: 'Remove the temporary files that killed writers left',
  description: [
    "Prints each temporary file that it removes, one on a line. Files that it leaves alone are reported on standard error, with the reason. It never removes a live writer's file, nor content that was kept for recovery.",
  ],
  operands: { names: ['DIR'], repeated: true },
  options: [
    { name: 'recursive', short: 'r', help: 'Also the directories below; symbolic links are not followed' },
    { name: 'dry-run', short: 'n', help: 'Remove nothing, only print' },
    {
      name: 'older-than',
      value: 'DURATION',
      help: 'Age from which a file is removed if its writer cannot be judged (another machine, another container): 500ms, 90s, 30m, 12h, 7d, 2w; default: 1d',
    },
    { ...jsonOption, help: 'Print what was found as one line of JSON on standard output' },
    { ...quietOption, help: 'Do not report what was left alone; errors are still reported' },
    helpOption,
  ],
  exits: [
    ['0', 'done'],
    ['1', 'a directory could not be read, or a file not removed'],
    ['2', 'wrong usage'],
  ],
  examples: ['untorn sweep --recursive --dry-run /srv/data'],
  load: () => import('./sweep.ts'),
};

const doctor: CommandEntry = {
  name: 'doctor',
  synopsis: 'untorn doctor [OPTION]… PATH…',
  summary: 'Say what holds at a path: what a write there keeps, and what may stop it',
  description: [
    'Prints a line for each finding: the filesystem and how it is mounted, symbolic links on the way, who may write, what a write could not keep of the file, whether it is on the disk once it has returned, locks and who holds them, and what killed processes left. PATH may be a directory, or a file that does not exist yet.',
    'It makes, changes and locks nothing, unless --measure is given. A finding that is marked FAILS says why a write would fail; "limit" says what does not hold although a write succeeds; "left" is for "untorn sweep" or "untorn recover".',
  ],
  operands: { names: ['PATH'], repeated: true },
  options: [
    {
      name: 'measure',
      help: 'Also try it: write a file durably in the directory, lock it and remove it, and give an empty temporary file the metadata of PATH',
    },
    { ...jsonOption, help: 'Print what was found as one line of JSON on standard output' },
    { ...quietOption, help: 'Print only what fails, has limits or is left; errors are still reported' },
    helpOption,
  ],
  exits: [
    ['0', 'a write works here, and everything holds'],
    ['1', 'a path could not be examined'],
    ['2', 'wrong usage'],
    ['3', 'a write would fail'],
    ['4', 'a write works, but something does not hold'],
    ['5', 'everything holds, but something is left of killed processes'],
  ],
  examples: ['untorn doctor settings.json', 'untorn doctor --measure --json /var/lib/app'],
  load: () => import('./doctor.ts'),
};

const help: CommandEntry = {
  name: 'help',
  synopsis: 'untorn help [COMMAND]',
  summary: 'Show what a command does',
  description: [],
  operands: { names: ['COMMAND'], optional: true },
  options: [helpOption],
  exits: [],
  examples: [],
  load: () => import('./help.ts'),
};

export const commands: readonly CommandEntry[] = [write, run, edit, commit, sweep, recover, doctor, help];

/** Options of the program itself. */
export const programOptions: readonly OptionEntry[] = [
  helpOption,
  { name: 'version', short: 'V', help: 'Show the version' },
];

export const programExits: CommandEntry['exits'] = outcomes;
