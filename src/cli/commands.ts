/** The table of commands. */
import {
  appendOptions,
  commitOptions,
  copyOptions,
  editOptions,
  helpOption,
  jsonOption,
  lockOptions,
  quietOption,
  removeOptions,
  namingOptions,
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

/** The exit codes of commands that do one thing with FILE. */
function outcomesOf(done: string, ...except: string[]): CommandEntry['exits'] {
  return outcomes
    .filter(([code]) => code !== '7' && !except.includes(code))
    .map(([code, meaning]) => {
      if (code === '1') return [code, 'failed; nothing is changed'];
      return [
        code,
        code === '4'
          ? `${done}, but not confirmed durable`
          : meaning.replace('the old content stays', 'nothing is changed'),
      ];
    });
}

const copy: CommandEntry = {
  name: 'copy',
  synopsis: 'untorn copy [OPTION]… FROM FILE',
  summary: 'Copy a file: FILE is the whole copy, or as it was',
  description: [
    'Copies the regular file FROM to FILE: whoever opens FILE, at any moment, finds the whole old or the whole new content. A new file gets the permission bits of FROM less the umask, a replaced one keeps its own, as with cp. If FROM is written meanwhile, FILE is untouched.',
  ],
  operands: { names: ['FROM', 'FILE'] },
  options: copyOptions,
  exits: outcomesOf('the copy is in place'),
  examples: ['untorn copy --backup simple new.conf /etc/app.conf'],
  load: async () => (await import('./verbs.ts')).copy,
};

const rename: CommandEntry = {
  name: 'rename',
  synopsis: 'untorn rename [OPTION]… FROM FILE',
  summary: 'Rename a file, durably',
  description: [
    'Renames the file or symbolic link FROM to FILE, and replaces FILE at once. FROM is synced before, and both directories are after. FILE is a name, never a directory to move it into; both must be on one filesystem. For that there are "untorn copy" and "untorn remove".',
  ],
  operands: { names: ['FROM', 'FILE'] },
  options: namingOptions,
  exits: outcomesOf('it is renamed'),
  examples: ['untorn rename app.log app.log.1'],
  load: async () => (await import('./verbs.ts')).renaming,
};

const remove: CommandEntry = {
  name: 'remove',
  synopsis: 'untorn remove [OPTION]… FILE',
  summary: 'Remove a file, durably',
  description: [
    'Removes the file or symbolic link FILE; once it is done, FILE does not come back after a power cut. With --if-match only that version is removed, under the lock of FILE.',
  ],
  operands: { names: ['FILE'] },
  options: removeOptions,
  exits: outcomesOf('it is removed'),
  examples: ['untorn remove --force active.json'],
  load: async () => (await import('./verbs.ts')).removal,
};

const link: CommandEntry = {
  name: 'link',
  synopsis: 'untorn link [OPTION]… TARGET FILE',
  summary: 'Make FILE a symbolic link, in the place of what it was',
  description: [
    'Makes FILE a symbolic link to TARGET, and replaces a file or a link of that name at once, as "ln -sfn" does not: FILE is never absent. A link to a directory is replaced itself; a directory is refused. A relative TARGET starts at the directory of FILE, and need not exist.',
  ],
  operands: { names: ['TARGET', 'FILE'] },
  options: namingOptions,
  exits: outcomesOf('the link is in place'),
  examples: ['untorn link releases/42 current'],
  load: async () => (await import('./verbs.ts')).linking,
};

const append: CommandEntry = {
  name: 'append',
  synopsis: 'untorn append [OPTION]… FILE',
  summary: 'Append the lines of standard input to FILE, durably',
  description: [
    'Reads standard input to its end, which must be a newline, and appends it to FILE under the lock of FILE: the lines of several processes never mix. What a failure has written is cut off again. After a crash a part of the last lines may be there; a last line without a newline is torn, and the next append moves it to a file beside and cuts it off.',
  ],
  operands: { names: ['FILE'] },
  options: appendOptions,
  exits: outcomesOf('the lines are appended', '3'),
  examples: ['echo "$(date) deployed" | untorn append deployments.log'],
  load: async () => (await import('./verbs.ts')).appending,
};

const lock: CommandEntry = {
  name: 'lock',
  synopsis: 'untorn lock [OPTION]… FILE -- COMMAND [ARG]…',
  summary: 'Run a command while holding the lock of FILE',
  description: [
    'Runs COMMAND with the standard input, output and error of untorn while it holds the lock of FILE, which need not exist. It is the lock of "untorn edit", "untorn append", --if-match and of updates of the library: they wait meanwhile. A COMMAND that does one of these things with FILE would wait for itself. Signals are passed on as by "untorn run".',
  ],
  operands: { names: ['FILE'] },
  runsCommand: true,
  options: lockOptions,
  exits: [
    ['0', 'COMMAND has succeeded'],
    ['120', 'another process held the lock for too long; COMMAND was not run'],
    ['121, 122', 'untorn itself: failed, and COMMAND was not run; wrong usage'],
    ['125', 'the lock was lost while COMMAND ran, or could not be released'],
    ['126', 'COMMAND was found and cannot be run'],
    ['127', 'COMMAND was not found'],
    ['128+N', 'COMMAND was killed by signal N'],
    ['other', "COMMAND's own exit status"],
  ],
  examples: ['untorn lock cache -- make-cache --all'],
  load: () => import('./lock.ts'),
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
      help: 'Age from which a transaction counts as interrupted if its owner cannot be judged (another machine, another container): 500ms, 90s, 30m, 12h, 7d, 2w; default: 1d; no default on CephFS, where machines set times by their own clocks',
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
      help: 'Age from which a file is removed if its writer cannot be judged (another machine, another container): 500ms, 90s, 30m, 12h, 7d, 2w; default: 1d; no default on CephFS, where machines set times by their own clocks',
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

const adopt: CommandEntry = {
  name: 'adopt',
  synopsis: 'untorn adopt [OPTION]… [DIR]',
  summary: 'Find the packages of a project that write files unsafely',
  description: [
    'Looks into the node_modules of the project in DIR (default: the working directory), or into its lockfile, of npm, pnpm or yarn. Prints the packages for which untorn has a drop-in, and which packages depend on them. Then it prints the overrides by which npm, pnpm and yarn put the drop-ins in their place. It changes nothing.',
    'It knows write-file-atomic, atomically, steno and fs-write-stream-atomic. It does not look into the code of other packages.',
  ],
  operands: { names: ['DIR'], optional: true },
  options: [{ ...jsonOption, help: 'Print what was found as one line of JSON on standard output' }, helpOption],
  exits: [
    ['0', 'nothing was found'],
    ['1', 'DIR could not be read, or has neither node_modules nor a lockfile'],
    ['2', 'wrong usage'],
    ['9', 'packages were found that write files unsafely'],
  ],
  examples: ['npx untorn adopt'],
  load: () => import('./adopt.ts'),
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
    {
      name: 'join',
      value: 'CODE',
      help: 'Run on two machines at once, with PATH the same directory and CODE the same word: whether each sees what the other writes, and the lock excludes them both',
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
  examples: [
    'untorn doctor settings.json',
    'untorn doctor --measure --json /var/lib/app',
    'untorn doctor --join monday /mnt/shared',
  ],
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

export const commands: readonly CommandEntry[] = [
  write,
  run,
  edit,
  commit,
  copy,
  rename,
  remove,
  link,
  append,
  lock,
  sweep,
  recover,
  doctor,
  adopt,
  help,
];

/** Options of the program itself. */
export const programOptions: readonly OptionEntry[] = [
  helpOption,
  { name: 'version', short: 'V', help: 'Show the version' },
];

export const programExits: CommandEntry['exits'] = outcomes;
