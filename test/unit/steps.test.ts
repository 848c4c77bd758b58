import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { it } from 'node:test';

const folder = 'src';
const names = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, name]) => name as string);

/** The functions and methods of each file that make steps. */
const all = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
const files = all
  .filter((name) => name.endsWith('.ts') && !/^(?:cli|system)\//.test(name))
  .map((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const handingOn = names(text, /^(?:export )?function (\w+)(?:<[^>]*>)?\((?:[^()]|\([^()]*\))*\): Steps</gm);
    const functions = [...names(text, /function\* (\w+)/g), ...handingOn];
    return { name, text, functions, methods: names(text, /^ {2}\*(#?\w+)\(/gm) };
  });

/** What a file can call by these names: its own functions, and those that it imports. */
function functionsIn({
  name,
  text,
  functions,
}: {
  name: string;
  text: string;
  functions: readonly string[];
}): string[] {
  const of = (from: string): readonly string[] => {
    const path = normalize(join(dirname(name), from)).replaceAll('\\', '/');
    // A folder shows what its files have.
    const isFace = path.endsWith('/index.ts');
    return files
      .filter((one) => (isFace ? dirname(one.name) === dirname(path) : one.name === path))
      .flatMap((one) => one.functions);
  };
  const imported = [...text.matchAll(/^import \{([^}]*)\} from '(\.[\w./-]+\.ts)'/gms)].flatMap(
    ([, list = '', from = '']) => {
      const there = of(from);
      return list
        .split(',')
        .map((one) => one.trim())
        .filter((one) => there.includes(one));
    },
  );
  const record = /\brecord\b[^}]*\} from '\.\.\/journal\/index\.ts'/.test(text) ? of('../journal/index.ts') : [];
  return [...functions, ...imported, ...record.map((one) => `record\\.${one}`)];
}

const methods = files.flatMap((file) => file.methods).join('|');

function forgottenIn(file: (typeof files)[number], withMethods = true): RegExp {
  const callees = ['call\\.\\w+', ...functionsIn(file), ...(withMethods ? [`\\w+\\.(?:${methods})`] : [])].join('|');
  return new RegExp(`^\\s*(?:(?:const|let) [^=]+ = |return )?(?:${callees})\\(`);
}

/** Steps that are made and not yielded do nothing, and neither the compiler nor a linter would say so. */
it('performs every step of the protocol', () => {
  assert.ok(files.flatMap(({ functions }) => functions).length > 300, 'it must find the steps');
  const directory = files.find(({ name }) => name === 'files/directory.ts') as (typeof files)[number];
  assert.match('  const status = call.fstat(fd);', forgottenIn(directory));
  assert.match('  syncNow(fd);', forgottenIn(directory));
  const commit = files.find(({ name }) => name === 'replace/rename.ts') as (typeof files)[number];
  assert.match('  syncDirectory(write, place.directory);', forgottenIn(commit));
  const replacement = files.find(({ name }) => name === 'replace/replace.ts') as (typeof files)[number];
  for (const handingOn of ['createReserving', 'writeContent', 'confirm'])
    assert.match(`  ${handingOn}(operation, target);`, forgottenIn(replacement));
  for (const file of files) {
    const [inSteps, elsewhere] = [forgottenIn(file), forgottenIn(file, false)];
    let makesSteps = false;
    const lines = file.text.split('\n');
    for (const [index, line] of lines.entries()) {
      if (/\bfunction\b|^ {2}[*#\w]+\(.*\{$/.test(line)) makesSteps = /function\*|^ {2}\*/.test(line);
      const declares = /function\*|^ {2}\*|\): .* \{$|\): \w+<.*>;$/.test(line);
      // What goes on from the line before is part of an expression.
      if (!/(?:^|[;{}:]|\*\/|\/\/.*)\s*$/.test(lines[index - 1] ?? '')) continue;
      // What only hands the steps of another on is no generator.
      if (!declares && (makesSteps || !line.includes('return ')))
        assert.doesNotMatch(line, makesSteps ? inSteps : elsewhere, `${folder}/${file.name}:${index + 1}`);
    }
  }
});
