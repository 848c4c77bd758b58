/** Runs the built command as its users do. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { hasNative } from '../support/native-part.ts';

export const main: string = join(
  dirname(createRequire(import.meta.url).resolve('untorn/package.json')),
  'dist/cli/main.cjs',
);

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/**
 * What it said, apart from one warning: without the native part nothing can tell whether a replaced file had attributes,
 * and the command says so of each. A test of its own sees that.
 */
function withoutLosses(said: string): string {
  if (hasNative || process.platform === 'win32') return said;
  return said.replaceAll(/^untorn: Warning: .* could not be given the old file's extended attributes\n/gm, '');
}

/** A process under way: what it has said so far, and a promise of its end. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';
  #look: () => void = () => undefined;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdin?.on('error', () => undefined);
    child.stdout?.on('data', (data: Buffer) => this.#hear(() => (this.#stdout += data.toString())));
    child.stderr?.on('data', (data: Buffer) => this.#hear(() => (this.#stderr += data.toString())));
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status, signal) =>
        resolve({ status, signal, stdout: this.#stdout, stderr: withoutLosses(this.#stderr) }),
      );
    });
  }

  #hear(add: () => void): void {
    add();
    this.#look();
  }

  /** Resolves when it has said the text; rejects if it ends without. */
  async said(text: string): Promise<void> {
    const heard = new Promise<true>((resolve) => {
      this.#look = () => {
        if ((this.#stdout + this.#stderr).includes(text)) resolve(true);
      };
      this.#look();
    });
    const result = await Promise.race([heard, this.ended]);
    if (result !== true && !(result.stdout + result.stderr).includes(text))
      throw new Error(`It ended without "${text}": ${JSON.stringify(result)}`);
  }
}

/** Starts any program. */
export function startProgram(program: string, given: readonly string[], options: SpawnOptions = {}): Running {
  return new Running(spawn(program, given, { stdio: 'pipe', ...options }));
}

/** Starts `untorn`; what is loaded before it may break something. */
export function start(
  given: readonly string[],
  { preload, ...options }: SpawnOptions & { preload?: string | undefined } = {},
): Running {
  const loaded = preload === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(preload)}`];
  return startProgram(process.execPath, [...loaded, main, ...given], options);
}

/** Runs `untorn` to its end, with the input on its standard input. */
export async function untorn(
  given: readonly string[],
  options: SpawnOptions & { input?: string; preload?: string } = {},
): Promise<Ended> {
  const { input = '', ...others } = options;
  const running = start(given, others);
  running.child.stdin?.end(input);
  return running.ended;
}

/** Runs a shell command line to its end, in which "$untorn" is the command with its interpreter. */
export function shell(line: string, options: SpawnOptions = {}): Promise<Ended> {
  return startProgram('sh', ['-c', line.replaceAll('$untorn', `'${process.execPath}' '${main}'`)], options).ended;
}

/** An empty folder for one test. */
export class Folder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'untorn-cli-'));

  at(name: string): string {
    return join(this.path, name);
  }

  read(name: string): string {
    return readFileSync(this.at(name), 'utf8');
  }

  names(): string[] {
    return readdirSync(this.path).sort();
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A program for `untorn run`: Node.js with a script. */
export function script(text: string): string[] {
  return [process.execPath, '-e', text];
}

/** A command whose filter runs until it is let go. */
export interface Held extends Running {
  letGo(): void;
}

const held = new Set<Running>();

/** After a test: ends those that it did not let go, because it failed. */
export async function endHeld(): Promise<void> {
  for (const { child, ended } of held) {
    child.kill('SIGKILL');
    await ended;
  }
}

/** Starts a command with a filter that gives its input, waits, and then adds ", held"; resolves when it waits. */
export async function heldFilter(run: (filter: readonly string[]) => Running): Promise<Held> {
  const signals = new Folder();
  const waiting = script(`
    const parent = process.ppid;
    process.stdin.on('data', (data) => process.stdout.write(data)).on('end', () => {
      console.error('holding');
      const timer = setInterval(() => {
        if (!require('node:fs').existsSync(${JSON.stringify(signals.at('go'))}) && process.ppid === parent) return;
        clearInterval(timer);
        process.stdout.write(', held');
      }, 10);
    });`);
  const running = run(waiting);
  held.add(running);
  running.child.once('close', () => {
    held.delete(running);
    signals.remove();
  });
  await running.said('holding');
  return Object.assign(running, { letGo: () => writeFileSync(signals.at('go'), '') });
}
