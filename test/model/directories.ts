/**
 * Directories in the model: one is replaced, and that is crashed at every step, into every state that a crash can
 * leave; then what is left is swept, and the directory replaced again.
 */
import type { Durability, ReplaceDirectoryResult } from 'untorn';
import { readOptions } from '#untorn/files/settings.js';
import { replaceTree } from '#untorn/directory/swap.js';
import { newLockedOperation } from '#untorn/files/operation.js';
import { givenPath } from '#untorn/system/paths.js';
import { call, type Steps } from '#untorn/system/port.js';
import { O_NEW } from '#untorn/system/flags.js';
import { parseToken } from '#untorn/system/owner.js';
import { Disk } from './disk.ts';
import { perform } from './process.ts';
import { sweepAll } from './recovery.ts';
import { surroundingsFor, unchanged, type Mutation } from './transactions.ts';
import { root, Tree, type Inode } from './tree.ts';
import { copyOf, Watch } from './watch.ts';

export interface DirectoryScenario {
  /** What stands at the path: a link of this package's own, or somebody's, or a directory itself. */
  readonly before: 'nothing' | 'a link' | "somebody's link" | 'a directory';
  /** What fills the new one; or it is ready, beside the path or elsewhere, synced or not. */
  readonly source: 'a function' | 'ready' | 'ready, unsynced' | 'ready, elsewhere';
  readonly keepOld?: boolean;
  readonly durability?: Durability;
}

export const path = '/d/site';

/** A directory, one below it, and a link: whoever may do so has them all. */
function* fill(directory: string, letter: string): Steps<object> {
  yield* call.mkdir(`${directory}/sub`, 0o755);
  for (const name of ['a', 'sub/c']) {
    const fd = yield* call.open(`${directory}/${name}`, O_NEW, 0o644);
    yield* call.write(fd, Buffer.from(letter));
    yield* call.close(fd);
  }
  yield* call.symlink('a', `${directory}/l`);
  return {};
}

export interface Replacement {
  readonly letter: string;
  /** Of a directory that is ready. */
  readonly ready?: string | undefined;
  readonly keepOld?: boolean;
  readonly durability?: Durability;
}

/** The steps of one process that replaces the directory. */
export function* replacing(
  process: number,
  { letter, ready, keepOld = false, durability = 'full' }: Replacement,
): Steps<ReplaceDirectoryResult> {
  const operation = newLockedOperation(givenPath(path), readOptions({ durability }), surroundingsFor(process), true);
  const outcome = yield* replaceTree(
    operation,
    ready === undefined ? { fill: (directory) => fill(String(directory), letter) } : { path: ready },
    keepOld,
  );
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}

/** A directory that is ready. */
export function make(disk: Disk, directory: string, letter: string): void {
  const steps = function* (): Steps<void> {
    yield* call.mkdir(directory, 0o700);
    yield* fill(directory, letter);
  };
  perform(steps(), disk, () => undefined);
}

/** A disk with what stands at the path. */
export function begin(before: DirectoryScenario['before']): Disk {
  const disk = new Disk();
  for (const name of ['d', 'e'])
    disk.setEntries([{ directory: root, name, ino: disk.create('directory', 0o755, 0, 0).ino }]);
  if (before === 'a link') perform(replacing(5, { letter: 'o' }), disk, () => undefined);
  if (before === 'a directory') make(disk, path, 'o');
  if (before === "somebody's link") {
    make(disk, '/d/release', 'o');
    perform(call.symlink('release', path), disk, () => undefined);
  }
  const old = disk.tree.find(path);
  if (old !== undefined) disk.setMetadata(old.ino, { mode: 0o750, uid: 500, gid: 600 });
  return disk;
}

/** A directory and all that is in it, as text. */
export function show(tree: Tree, directory: Inode | undefined): string | undefined {
  if (directory === undefined) return undefined;
  const own = ({ type, mode, uid, gid, data }: Inode): string => `${type} ${mode.toString(8)} ${uid}:${gid} ${data}`;
  return [own(directory), ...tree.walk(directory.ino).map(({ path: name, inode }) => `${name} ${own(inode)}`)].join(
    '\n',
  );
}

export class DirectoryCheck {
  /** The first against each guarantee. */
  readonly violations = new Map<string, string>();
  states = 0;
  crashPoints = 0;
  readonly #scenario: Required<DirectoryScenario>;
  readonly #mutation: Mutation;
  readonly #breaks: string | undefined;
  readonly #old: string | undefined;
  readonly #new: string;
  readonly #seen = new Set<string>();

  /** @param breaks the guarantee that a mutant is known to break: it needs no further look when that is seen */
  constructor(scenario: DirectoryScenario, mutation: Mutation = unchanged, breaks?: string) {
    this.#breaks = breaks;
    this.#scenario = { keepOld: false, durability: 'full', ...scenario };
    this.#mutation = mutation;
    // What it is to be, where nothing goes wrong.
    const disk = this.#begin().disk;
    this.#old = show(disk.tree, disk.tree.find(path));
    perform(this.#steps(), disk, () => undefined);
    this.#new = show(disk.tree, disk.tree.find(path)) as string;
  }

  get #ready(): string | undefined {
    const { source } = this.#scenario;
    return source === 'a function' ? undefined : source === 'ready, elsewhere' ? '/e/next' : '/d/next';
  }

  #steps(): Steps<ReplaceDirectoryResult> {
    const { keepOld, durability } = this.#scenario;
    return replacing(0, { letter: 'n', ready: this.#ready, keepOld, durability });
  }

  #begin(): { disk: Disk; watch: Watch } {
    const disk = begin(this.#scenario.before);
    const unsynced = this.#scenario.source === 'ready, unsynced';
    if (this.#ready !== undefined && !unsynced) make(disk, this.#ready, 'n');
    const watch = new Watch(disk);
    if (this.#ready !== undefined && unsynced) make(disk, this.#ready, 'n');
    return { disk, watch };
  }

  run(): void {
    const { disk, watch } = this.#begin();
    let durable = false;
    const look = (): void => this.#crash(disk, watch, durable);
    const result = perform(this.#mutation(this.#steps()), disk, look) as ReplaceDirectoryResult;
    durable = true;
    look();
    this.#checkEnd(disk.tree, result);
  }

  #crash(disk: Disk, watch: Watch, durable: boolean): void {
    this.crashPoints++;
    const states =
      this.#scenario.durability === 'off'
        ? [{ tree: copyOf(disk.tree), cause: 'kill' as const }]
        : watch.states(`${durable}`);
    for (const { tree, cause } of states) {
      if (this.#isCaught) return;
      const moment = `${durable} ${cause} ${tree.canonical}`;
      if (this.#seen.has(moment)) continue;
      this.#seen.add(moment);
      this.states++;
      const when = `after a crash (${cause})`;
      this.#checkPath(tree, durable, when);
      this.#checkOthers(tree, cause !== 'weak', when);
      if (!this.#seen.has(tree.canonical)) this.#recover(tree, when);
      this.#seen.add(tree.canonical);
    }
  }

  get #isCaught(): boolean {
    return this.#breaks !== undefined && this.violations.has(this.#breaks);
  }

  #checkPath(tree: Tree, durable: boolean, when: string): void {
    const found = show(tree, tree.find(path));
    const isThere = tree.find('/d')?.entries.has('site') === true;
    if (found === this.#new || (!durable && found === this.#old && isThere === (found !== undefined))) return;
    this.#report(
      `${durable ? 'G3' : 'G2'}: the path leads to ${found ?? (isThere ? 'a directory that is not there' : 'nothing')} ${when}`,
    );
  }

  /** What else is there is whole and closed to others; and nothing is lost that was somebody's. */
  #checkOthers(tree: Tree, renamesAreWhole: boolean, when: string): void {
    const { before, source, keepOld } = this.#scenario;
    const [oldMode] = this.#old?.split('\n') ?? [];
    for (const { name, path: at, inode } of tree.walk()) {
      const kind = parseToken(name)?.kind;
      if (kind === 'version' && ![this.#old, this.#new].includes(show(tree, inode)))
        this.#report(`G10: "${at}" is a version, and not whole ${when}: ${show(tree, inode)}`);
      // Others may pass through what it is made in, and no more.
      const closed = kind === 'tree' && at.split('/').at(-2)?.includes('untorn-d-') !== true ? 0o066 : 0o027;
      if (kind === 'tree' && oldMode !== undefined && (inode.mode & closed) !== 0 && inode.gid !== 600)
        this.#report(`G5: "${at}" is open to others ${when}`);
    }
    if (!renamesAreWhole) return;
    const everything = new Set(
      tree
        .walk()
        .filter(({ inode }) => inode.type === 'directory')
        .map(({ inode }) => show(tree, inode)),
    );
    if (source.startsWith('ready') && source !== 'ready, unsynced' && !everything.has(this.#new))
      this.#report(`G2: the directory that was ready is lost ${when}`);
    if (before !== 'nothing' && (keepOld || before === "somebody's link") && !everything.has(this.#old))
      this.#report(`G2: the old directory is lost ${when}`);
  }

  /** A sweep, and then the next replacement. */
  #recover(tree: Tree, when: string): void {
    const disk = Disk.from(tree);
    const led = show(tree, tree.find(path));
    const { recoverable, kept } = sweepAll(disk);
    if (show(disk.tree, disk.tree.find(path)) !== led)
      this.#report(`G10: the sweep changes what the path leads to ${when}`);
    if (kept.length > 0)
      this.#report(
        `G10: the sweep leaves ${kept.map((one) => `${String(one.path)} (${one.reason} ${one.error?.stack})`).join()} ${when}`,
      );
    this.#checkLeft(disk.tree, recoverable.map(String), `after the sweep ${when}`);
    perform(replacing(1, { letter: 'x' }), disk, () => undefined);
    if (disk.tree.find(`${path}/sub/c`)?.data !== 'x') this.#report(`G4: the next replacement is not there ${when}`);
    this.#checkLeft(disk.tree, recoverable.map(String), `after the next replacement ${when}`);
  }

  /** Nothing has one of this package's names but where the path leads to, and versions that were told of. */
  #checkLeft(tree: Tree, told: readonly string[], when: string): void {
    for (const { name, path: at, inode } of tree.walk()) {
      if (parseToken(name) === undefined && !name.includes('untorn-l')) continue;
      if (inode !== tree.find(path) && !told.includes(at)) this.#report(`G10: "${at}" is left ${when}`);
    }
  }

  #checkEnd(tree: Tree, { durable, oldPath, directory, replaced }: ReplaceDirectoryResult): void {
    const { before, keepOld, durability } = this.#scenario;
    const kept = before !== 'nothing' && (keepOld || before === "somebody's link");
    if (durable !== (durability !== 'off') || replaced !== (before !== 'nothing'))
      this.#report(`G4: the result says ${durable}, ${replaced}`);
    if (tree.find(String(directory)) !== tree.find(path))
      this.#report(`G4: the result says that it is in ${String(directory)}`);
    if (kept ? oldPath === undefined || show(tree, tree.find(String(oldPath))) !== this.#old : oldPath !== undefined)
      this.#report(`G4: the result says that the old one is in ${String(oldPath)}`);
    this.#checkLeft(tree, oldPath === undefined ? [] : [String(oldPath)], 'at the end');
    if (this.#ready !== undefined && tree.find(this.#ready) !== undefined)
      this.#report('G4: what was ready is still there');
  }

  #report(violation: string): void {
    const kind = violation.slice(0, violation.indexOf(':'));
    if (!this.violations.has(kind)) this.violations.set(kind, violation);
  }
}
