/** Other programs, and scripts in a Node process of their own. */
import { execFileSync, spawn } from 'node:child_process';
import type { WriteOptions, WriteResult } from 'untorn';
import type { Api } from './apis.ts';
import { environment } from './needs.ts';

/** Runs a program that is expected to succeed; returns what it printed. */
export function run(...command: string[]): string {
  const [program = '', ...args] = command;
  return execFileSync(program, args, { encoding: 'utf8', env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
}

export interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end without blocking. */
export function finished(...command: string[]): Promise<Ended> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (some: string) => (stdout += some));
    child.stderr.setEncoding('utf8').on('data', (some: string) => (stderr += some));
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
}

/** The command line of a script; `before` is what goes in front of it, as `['prlimit', '--nofile=64']`. */
export function script(
  source: string,
  { before = [], args = [] }: { before?: readonly string[]; args?: readonly string[] } = {},
): string[] {
  return [
    ...before,
    process.execPath,
    '--input-type=module',
    '-e',
    `import { atomicWrite, createWriteStream, writeFile, writeFileSync } from 'untorn';\nimport { pipeline } from 'node:stream/promises';\n${source}`,
    ...args,
  ];
}

/** What a write in another process came to. */
export interface Told {
  readonly result?: WriteResult;
  readonly error?: {
    readonly code: string;
    readonly outcome: string;
    readonly step: string;
    readonly message: string;
    readonly backupPath?: string;
  };
}

/** Writes a file in another process. */
export async function writeElsewhere(
  api: Api['name'],
  before: readonly string[],
  path: string,
  data: string,
  options: WriteOptions = {},
  setup = '',
): Promise<Told> {
  const source = `
    const [path, data, options] = process.argv.slice(1);
    ${setup}
    try {
      console.log(JSON.stringify({ result: await ${api}(path, data, JSON.parse(options)) }));
    } catch ({ code, outcome, step, message, backupPath }) {
      console.log(JSON.stringify({ error: { code, outcome, step, message, backupPath } }));
    }`;
  const ended = await finished(...script(source, { before, args: [path, data, JSON.stringify(options)] }));
  if (ended.stdout === '') throw new Error(`The process ended with ${ended.signal ?? ended.status}: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as Told;
}
