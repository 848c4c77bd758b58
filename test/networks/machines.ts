/** Several machines on one: each has a kernel of its own (User-Mode-Linux), in a network that leads nowhere else. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { environment } from '../support/needs.ts';
import { run } from '../support/run.ts';

const sources = fileURLToPath(new URL('../../../test/networks/', import.meta.url));
/** What UML, its network and its kernel's modules take. */
export const packages = ['user-mode-linux', 'openssh-server', 'openssh-client', 'kmod', 'iproute2', 'gcc', 'libc6-dev'];

/** The address of this machine in their network. */
export const host = '10.77.0.1';

export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The network, and what machines need to start. */
export class Site {
  readonly #at: string;
  readonly #modules: string;
  #count = 0;

  constructor(at: string) {
    this.#at = at;
    chmodSync(at, 0o755);
    for (const key of ['key', 'host-key']) run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(at, key));
    run('gcc', '-O1', '-shared', '-fPIC', '-o', join(at, 'regset.so'), join(sources, 'regset.c'));
    // modprobe(8) looks for them below lib/modules.
    this.#modules = join(at, 'root');
    mkdirSync(join(this.#modules, 'lib'), { recursive: true });
    symlinkSync('/usr/lib/uml/modules', join(this.#modules, 'lib', 'modules'));
    // The kernels call it for modules that they need themselves.
    writeFileSync(join(at, 'modprobe'), `#!/bin/sh\nexec /usr/sbin/modprobe -d ${this.#modules} "$@"\n`, {
      mode: 0o755,
    });
    mkdirSync(join(at, 'uml'));
    run('ip', 'link', 'set', 'lo', 'up');
    run('ip', 'link', 'add', 'bridge', 'type', 'bridge');
    run('ip', 'addr', 'add', `${host}/24`, 'dev', 'bridge');
    run('ip', 'link', 'set', 'bridge', 'up');
  }

  /** Starts a machine; `disk` is a file that it has as /dev/ubda. */
  async start(name: string, disk?: string): Promise<Machine> {
    const number = 10 + this.#count++;
    const [address, tap] = [`10.77.0.${number}`, `tap${number}`];
    run('ip', 'tuntap', 'add', tap, 'mode', 'tap');
    run('ip', 'link', 'set', tap, 'master', 'bridge', 'up');
    const log = join(this.#at, `${name}.log`);
    const output = openSync(log, 'w');
    const network = `vec0:transport=tap,ifname=${tap},depth=128,gro=1,mac=52:54:00:77:00:${number.toString(16)}`;
    const child = spawn(
      'linux.uml',
      [
        'mem=512M',
        'rootfstype=hostfs',
        'rootflags=/',
        'ro',
        `init=${join(sources, 'guest.sh')}`,
        'con=null',
        'con0=null,fd:1',
        `umid=${name}`,
        `uml_dir=${join(this.#at, 'uml')}/`,
        network,
        `name=${name}`,
        `address=${address}`,
        `at=${this.#at}`,
        ...(disk === undefined ? [] : [`ubda=${disk}`]),
      ],
      {
        env: { ...environment, LD_PRELOAD: join(this.#at, 'regset.so'), TMPDIR: join(this.#at, 'uml') },
        stdio: ['ignore', output, output],
      },
    );
    const machine = new Machine(name, address, this.#at, this.#modules, child);
    for (const end = Date.now() + 60_000; !readFileSync(log, 'latin1').includes(`READY ${name}`); await setTimeout(100))
      if (Date.now() > end || child.exitCode !== null)
        throw new Error(`${name} did not start: ${readFileSync(log, 'latin1')}`);
    // The server of ssh goes to the background before it listens.
    for (const end = Date.now() + 30_000; (await machine.start('true').ended).status !== 0; await setTimeout(100))
      if (Date.now() > end) throw new Error(`${name} does not answer`);
    return machine;
  }
}

export class Machine {
  readonly name: string;
  readonly address: string;
  readonly #at: string;
  readonly #modules: string;
  readonly #child: ChildProcess;

  constructor(name: string, address: string, at: string, modules: string, child: ChildProcess) {
    this.name = name;
    this.address = address;
    this.#at = at;
    this.#modules = modules;
    this.#child = child;
  }

  /** The command that runs a shell command on it. */
  command(text: string): [string, ...string[]] {
    const options = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'ControlMaster=auto',
    ];
    const shared = [`ControlPath=${join(this.#at, `ssh-${this.name}`)}`, 'ControlPersist=yes'];
    const all = [...options, ...shared].flatMap((option) => ['-o', option]);
    return ['ssh', '-i', join(this.#at, 'key'), ...all, `root@${this.address}`, text];
  }

  /** Runs a shell command, which is expected to succeed. */
  run(text: string): string {
    const [program, ...args] = this.command(text);
    return execFileSync(program, args, { encoding: 'utf8', env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Starts a shell command, and gives what it said once it has ended. */
  start(text: string): { child: ChildProcess; ended: Promise<Said> } {
    const [program, ...args] = this.command(text);
    const child = spawn(program, args, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (some: string) => (stdout += some));
    child.stderr.setEncoding('utf8').on('data', (some: string) => (stderr += some));
    child.stdin.on('error', () => undefined);
    const ended = new Promise<Said>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => resolve({ status, stdout, stderr }));
    });
    return { child, ended };
  }

  /** Loads a module of its kernel. */
  load(...modules: string[]): void {
    for (const module of modules) this.run(`modprobe -d ${this.#modules} ${module}`);
  }

  /** Cuts its power. The kernel leads a group of processes of its own: the others are those of its users. */
  async cut(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    process.kill(-this.#child.pid!, 'SIGKILL');
    await ended;
  }
}
