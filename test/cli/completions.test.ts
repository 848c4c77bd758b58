import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { newFolder } from '../support/folder.ts';
import { main, untorn } from './untorn.ts';

const dist = join(dirname(main), '..');
const commands = [
  'adopt',
  'append',
  'commit',
  'copy',
  'doctor',
  'edit',
  'help',
  'link',
  'lock',
  'recover',
  'remove',
  'rename',
  'run',
  'sweep',
  'write',
];

/** The words that a shell offers for a command line, in a folder that has a file and a folder. */
type Offer = (line: string) => string[];

/** Each runs the real shell with the shipped file. */
const shells: Record<string, { tool: string; words: (line: string, folder: string) => string[] }> = {
  bash: {
    tool: 'bash',
    words: (line, folder) =>
      output(
        folder,
        'bash',
        '--norc',
        '-c',
        `
      source "$1"; COMP_LINE=$2; COMP_WORDS=(); read -ra words <<< "\${2//=/ = }"; COMP_WORDS=("\${words[@]}"); [[ $2 == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); compopt() { :; }; _untorn; printf '%s\\n' "\${COMPREPLY[@]}"`,
        'bash',
        join(dist, 'completions/untorn.bash'),
        line,
      ),
  },
  zsh: { tool: 'zsh', words: zshWords },
  fish: {
    tool: 'fish',
    words: (line, folder) =>
      output(
        folder,
        'fish',
        '--no-config',
        '-c',
        `source $argv[1]; complete -C $argv[2]`,
        join(dist, 'completions/untorn.fish'),
        line,
      ).map((word) => word.split('\t')[0] ?? ''),
  },
};

function output(cwd: string, program: string, ...args: string[]): string[] {
  const { stdout, stderr, status } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    timeout: 60_000,
    env: { PATH: process.env['PATH'], HOME: cwd, TERM: 'dumb', LC_ALL: 'C.UTF-8' },
  });
  assert.equal(stderr, '', `${program} ended with ${status}`);
  return stdout.split('\n').filter((word) => word !== '');
}

/**
 * zsh completes only in its line editor: one on a terminal of its own, in which each match that is added is written
 * down.
 */
function zshWords(line: string, folder: string): string[] {
  const within = `
    PS1=
    fpath=('${join(dist, 'completions')}' $fpath)
    autoload -Uz compinit && compinit -u -D
    zle -C listed list-choices listed
    listed() {
      compadd() {
        local word
        local -a got
        # These fill arrays, and add nothing.
        for word in "$@"; do case $word in -[OAD]) builtin compadd "$@"; return ;; -|--) break ;; esac; done
        builtin compadd -O got "$@"
        print -rl -- $got >> words
        builtin compadd "$@"
      }
      _main_complete
      print done > ended
    }
    bindkey '^I' listed
    print > ready`;
  writeFileSync(join(folder, 'within'), within);
  const program = `
    zmodload zsh/zpty zsh/zselect
    zpty -b shell zsh -f -i
    zpty -w shell 'source ./within'
    until [[ -e ready ]]; do zpty -r -t shell line; zselect -t 1; done
    zpty -w -n shell "$1"$'\\t'
    until [[ -e ended ]]; do zpty -r -t shell line; zselect -t 1; done
    zpty -d shell
    [[ ! -e words ]] || cat words
    rm -f words ready ended within`;
  return output(folder, 'zsh', '-f', '-c', program, 'zsh', line);
}

function offerIn(t: TestContext, name: string): Offer | undefined {
  const shell = shells[name];
  assert.ok(shell);
  if (spawnSync(shell.tool, ['-c', 'true']).status !== 0) return void t.skip(`there is no ${shell.tool}`);
  const folder = newFolder(t);
  mkdirSync(join(folder, 'folder'));
  writeFileSync(join(folder, 'file'), '');
  mkdirSync(join(folder, 'bin'));
  symlinkSync(process.execPath, join(folder, 'bin', 'zz-only'));
  return (line) => [...new Set(shell.words(line, folder).map((word) => word.replace(/[ /]$/, '')))];
}

for (const name of Object.keys(shells)) {
  describe(`completion in ${name}`, { skip: process.platform === 'win32' && 'needs a POSIX shell' }, () => {
    it('offers commands, options, their values, and files or directories', (t) => {
      const offer = offerIn(t, name);
      if (offer === undefined) return;
      assert.deepEqual(
        offer('untorn ')
          .filter((word) => !word.startsWith('-'))
          .toSorted(),
        commands,
      );
      assert.deepEqual(offer('untorn sw'), ['sweep']);
      assert.deepEqual(
        offer('untorn write --dura').map((word) => word.replace(/=$/, '')),
        ['--durability'],
      );
      assert.deepEqual(offer('untorn edit --allow'), ['--allow-empty']);
      assert.deepEqual(offer('untorn write --allow'), []);
      assert.deepEqual(offer('untorn write --durability ').toSorted(), ['full', 'normal', 'off']);
      assert.deepEqual(offer('untorn run --symlink re').toSorted(), ['refuse', 'replace']);
      assert.ok(['file', 'folder'].every((word) => offer('untorn write f').includes(word)));
      assert.ok(['file', 'folder'].every((word) => offer('untorn doctor f').includes(word)));
      assert.deepEqual(offer('untorn sweep f'), ['folder']);
      assert.deepEqual(offer('untorn adopt f'), ['folder']);
      assert.deepEqual(offer('untorn help rec'), ['recover']);
      assert.ok(offer('untorn run file -- ech').includes('echo'));
    });
  });
}

describe('the manual', () => {
  it('has a page for each command, but for help, with what its help says, and none that roff complains about', async (t) => {
    const pages = readdirSync(join(dist, 'man')).toSorted();
    assert.deepEqual(
      pages,
      [
        'untorn.1',
        ...commands.filter((command) => command !== 'help').map((command) => `untorn-${command}.1`),
      ].toSorted(),
    );
    if (spawnSync('groff', ['--version']).status !== 0) return t.skip('there is no groff');
    for (const page of pages) {
      const { stdout, stderr } = spawnSync(
        'groff',
        ['-man', '-Tutf8', '-ww', '-P-cbou', '-rLL=2000n', join(dist, 'man', page)],
        { encoding: 'utf8' },
      );
      assert.equal(stderr, '');
      const flat = (text: string): string => text.replaceAll(/\s+/g, ' ');
      const help = flat(
        (await untorn(['help', ...(page === 'untorn.1' ? [] : [page.slice('untorn-'.length, -2)])])).stdout,
      );
      const [, options = ''] = /(?:Options|Properties of the file): (.*?)(?: Exit codes|$)/.exec(help) ?? [];
      for (const [word] of options.matchAll(/--[a-z-]+/g))
        assert.ok(flat(stdout).includes(word), `${page} has ${word}`);
      assert.ok(/NAME untorn.* - .* SYNOPSIS untorn/.test(flat(stdout)), stdout);
    }
  });
});
