/**
 * Completions for bash, zsh and fish. Each knows the commands, their options, the values of those, and what kind of
 * name comes next.
 */
import { shortHelp } from '../build/src/cli/help.js';

const names = (commands) => commands.map(({ name }) => name).join(' ');
const inDirectories = ({ operands }) => operands.names[0] === 'DIR';
const isHelp = ({ operands }) => operands.names[0] === 'COMMAND';
/** In single quotes, for any of the shells; fish has an escape of its own. */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

export function bashCompletion(commands, programOptions) {
  const words = (options) =>
    options.flatMap(({ name, short }) => (short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`])).join(' ');
  const valuesOf = ({ name, options }) =>
    options
      .filter(({ value }) => value !== undefined)
      .map((option) => {
        const labels = [`--${option.name}`, ...(option.short === undefined ? [] : [`-${option.short}`])]
          .map((label) => `${name}:${label}`)
          .join('|');
        return `    ${labels}) ${option.choices === undefined ? filesOf(option) : `COMPREPLY=($(compgen -W '${option.choices.join(' ')}' -- "$cur"))`}; return ;;`;
      });
  const filesOf = ({ value }) =>
    /^(?:PATH|FILE)$/.test(value) ? 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur"))' : ':';
  return `# bash completion for untorn
_untorn() {
  local IFS=$' \\t\\n' cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} i
  # --option=value comes as three words.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${names(commands)} ${words(programOptions)}' -- "$cur"))
    return
  fi
  case \${COMP_WORDS[1]} in ${commands
    .filter(({ runsCommand }) => runsCommand)
    .map(({ name }) => name)
    .join('|')})
    for ((i = 2; i < COMP_CWORD; i++)); do
      if [[ \${COMP_WORDS[i]} == -- ]]; then
        if ((i == COMP_CWORD - 1)); then COMPREPLY=($(compgen -c -- "$cur"))
        else compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); fi
        return
      fi
    done ;;
  esac
  case \${COMP_WORDS[1]}:$prev in
${commands.flatMap(valuesOf).join('\n')}
  esac
  case \${COMP_WORDS[1]}:$cur in
${commands.map(({ name, options }) => `    ${name}:-*) COMPREPLY=($(compgen -W '${words(options)}' -- "$cur")) ;;`).join('\n')}
    help:*) COMPREPLY=($(compgen -W '${names(commands)}' -- "$cur")) ;;
    ${commands
      .filter(inDirectories)
      .map(({ name }) => `${name}:*`)
      .join('|')}) compopt -o filenames; IFS=$'\\n'; COMPREPLY=($(compgen -d -- "$cur")) ;;
    *) compopt -o filenames; IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}
complete -F _untorn untorn
`;
}

export function zshCompletion(commands, programOptions) {
  const help = (option) => shortHelp(option).replace(/[[\]:\\]/g, '\\$&');
  const spec = (option) => {
    const { name, short, value, choices, multiple } = option;
    const argument =
      value === undefined
        ? ''
        : `:${value.replaceAll(':', '\\:')}:${choices === undefined ? (/^(?:PATH|FILE)$/.test(value) ? '_files' : ' ') : `(${choices.join(' ')})`}`;
    const rest = quoted(`[${help(option)}]${argument}`);
    const [long, brief] = value === undefined ? [`--${name}`, `-${short}`] : [`--${name}=`, `-${short}+`];
    if (short === undefined) return `${multiple === true ? "'*'" : ''}${long}${rest}`;
    return `'(-${short} --${name})'{${brief},${long}}${rest}`;
  };
  const operands = (command) => {
    if (command.runsCommand) return `'1:file:_files' '*:::command: _untorn_command'`;
    return isHelp(command)
      ? `'1:command:(${names(commands)})'`
      : `'${command.operands.repeated === true ? '*' : '1'}:${inDirectories(command) ? 'directory:_files -/' : 'file:_files'}'`;
  };
  return `#compdef untorn
_untorn_command() {
  # What comes before the command is the "--".
  if [[ $words[1] == -- ]]; then shift words; ((CURRENT--)); fi
  _normal
}
_untorn() {
  if ((CURRENT == 2)); then
    local -a commands=(${commands.map(({ name, summary }) => quoted(`${name}:${summary.replaceAll(':', '\\:')}`)).join(' ')})
    _describe command commands
    _arguments ${programOptions.map(spec).join(' ')}
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
${commands.map((command) => `    ${command.name}) _arguments -s ${[...command.options.map(spec), operands(command)].join(' ')} ;;`).join('\n')}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _untorn "$@"; else compdef _untorn untorn; fi
`;
}

export function fishCompletion(commands, programOptions) {
  const text = (words) => `'${words.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const own = (some) => `'__fish_seen_subcommand_from ${some.join(' ')}; and not contains -- -- (commandline -opc)'`;
  const line = (condition, option) => {
    const { name, short, value, choices } = option;
    const argument =
      value === undefined
        ? ''
        : choices === undefined
          ? /^(?:PATH|FILE)$/.test(value)
            ? ' -r -F'
            : ' -x'
          : ` -x -a '${choices.join(' ')}'`;
    return `complete -c untorn -n ${condition} -l ${name}${short === undefined ? '' : ` -s ${short}`}${argument} -d ${text(shortHelp(option))}`;
  };
  // Options that several commands have are in one line.
  const lines = new Map();
  const add = (end, name) => lines.set(end, [...(lines.get(end) ?? []), name]);
  for (const command of commands) {
    for (const option of command.options) add(line('', option), command.name);
    add(
      `complete -c untorn -n  ${isHelp(command) ? `-f -a '${names(commands)}'` : inDirectories(command) ? "-f -a '(__fish_complete_directories)'" : '-F'}`,
      command.name,
    );
  }
  const running = commands.filter(({ runsCommand }) => runsCommand).map(({ name }) => name);
  return `# fish completion for untorn
${commands.map(({ name, summary }) => `complete -c untorn -f -n __fish_use_subcommand -a ${name} -d ${text(summary)}`).join('\n')}
${programOptions.map((option) => line('__fish_use_subcommand', option)).join('\n')}
${[...lines].map(([end, some]) => end.replace('-n  ', () => `-n ${own(some)} `)).join('\n')}
complete -c untorn -n '__fish_seen_subcommand_from ${running.join(' ')}; and contains -- -- (commandline -opc)' -x -a '(__fish_complete_subcommand --fcs-skip=(contains -i -- -- (commandline -opc)))'
`;
}
