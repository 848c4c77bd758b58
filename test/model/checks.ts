/** What must hold at every moment, and after every crash. Each failure begins with the guarantee that is broken. */
import { parseToken } from '#untorn/system/owner.js';
import type { History, Version } from './history.ts';
import type { Inode, Tree } from './tree.ts';

/** A guarantee that does not hold: its id, and what is wrong. */
export type Violation = `G${number}: ${string}`;

/** While processes run. */
export function* checkNow(tree: Tree, histories: readonly History[]): Generator<Violation> {
  for (const history of histories) {
    const file = tree.find(history.target);
    if (file === undefined && history.exists) yield `G1: "${history.target}" is absent`;
    if (file !== undefined) {
      if (history.inPlace) yield* checkRecoverable(tree, history, file, 'G1');
      else if (history.holding(file).length === 0) yield `G1: "${history.target}" is no version: ${show(file)}`;
    }
    yield* checkPrivate(tree, history);
  }
}

/** After a crash. */
export function* checkCrash(tree: Tree, histories: readonly History[]): Generator<Violation> {
  for (const history of histories) {
    yield* checkTarget(tree, history);
    yield* checkPrivate(tree, history);
    yield* checkBackup(tree, history);
  }
  yield* checkNames(tree, histories);
}

function* checkTarget(tree: Tree, history: History): Generator<Violation> {
  const { target, versions, old, promised, inPlace } = history;
  const file = tree.find(target);
  if (file === undefined) {
    if (old !== undefined) yield `G2: "${target}" is gone`;
    else if (promised > 0) yield `G3: "${target}" was durable, and is gone`;
    return;
  }
  const held = history.holding(file);
  if (held.length === 0) {
    if (inPlace && promised === 0) yield* checkRecoverable(tree, history, file, 'G2');
    else if (
      !isDamaged(
        file,
        versions.filter(({ soft, number }) => soft && number >= promised),
      )
    )
      yield `G2: "${target}" is no version: ${show(file)}`;
  } else if (held.every((version) => version.number < promised)) {
    yield `G3: "${target}" is back to ${show(file)}`;
  }
}

/** Whether it is what a crash may make of versions that were not to survive one. */
function isDamaged({ data }: Inode, soft: readonly Version[]): boolean {
  return (
    soft.length > 0 &&
    Array.from(data).every((letter) => letter === '\0' || soft.some((version) => version.letter === letter))
  );
}

/** Written in place: a mixture may be there, but then the old content is whole in a recovery file. */
function* checkRecoverable(
  tree: Tree,
  { target, old, versions }: History,
  file: Inode,
  guarantee: 'G1' | 'G2',
): Generator<Violation> {
  const recoveries = [...tree.walk()].filter(({ name }) => parseToken(name)?.kind === 'recovery');
  for (const { path, inode } of recoveries)
    if (inode.data !== old?.content) yield `${guarantee}: the recovery file "${path}" is not whole: ${show(inode)}`;
  if (recoveries.length === 0 && !versions.some(({ content }) => content === file.data))
    yield `${guarantee}: "${target}" is ${show(file)} and there is no recovery file`;
}

/** Nobody may read, change or own a byte of a version who may not do so with its final file. */
function* checkPrivate(tree: Tree, { versions }: History): Generator<Violation> {
  for (const { path, inode } of tree.walk()) {
    if (inode.type !== 'file') continue;
    const contained = versions.filter(({ letter }) => inode.data.includes(letter));
    if (contained.length > 0 && !contained.some((version) => isWithin(inode, version)))
      yield `G5: "${path}" is open to others: ${show(inode)}`;
  }
}

/** Root may do everything anyway, and may own a file before it gets its owner. */
function isWithin(inode: Inode, final: Version): boolean {
  const others = final.mode & 7;
  const group = inode.gid === final.gid ? (final.mode >> 3) & 7 : others;
  const owned = inode.uid === final.uid || (inode.uid === 0 && (inode.mode & 0o4000) === 0);
  return owned && (inode.mode & 7 & ~others) === 0 && ((inode.mode >> 3) & 7 & ~group) === 0;
}

/** Where a backup was asked for the new content is not there without it. */
function* checkBackup(tree: Tree, { target, backup, old, versions }: History): Generator<Violation> {
  const file = tree.find(target);
  if (
    backup === undefined ||
    file === undefined ||
    !versions.some(({ number, content, soft }) => number > 0 && !soft && content === file.data)
  )
    return;
  const kept = tree.find(backup);
  if (kept?.data !== old?.content)
    yield `G2: "${target}" is new, and its backup ${kept === undefined ? 'is absent' : `is ${show(kept)}`}`;
}

/** Every other name tells whose it is, so that `sweep` finds it. */
function* checkNames(tree: Tree, histories: readonly History[]): Generator<Violation> {
  const left = new Map<string, number>();
  for (const { name, path, inode } of tree.walk()) {
    if (
      inode.type !== 'file' ||
      histories.some(({ target, backup }) => target === path || backup === path) ||
      path.endsWith('~')
    )
      continue;
    const owner = parseToken(name);
    if (owner === undefined) {
      yield `G10: "${path}" was left without a token`;
      continue;
    }
    const whose = `${owner.kind} ${owner.pid}`;
    left.set(whose, (left.get(whose) ?? 0) + 1);
  }
  // Beside its temporary file a writer may have a link on its way to be the backup, or a recovery file that is not
  // whole yet.
  const most = histories.some(({ backup, inPlace }) => backup !== undefined || inPlace) ? 2 : 1;
  for (const [whose, count] of left) if (count > most) yield `G10: ${count} files are left of one writer (${whose})`;
}

function show({ data, mode, uid, gid }: Inode): string {
  return `${JSON.stringify(data)} ${mode.toString(8)} ${uid}:${gid}`;
}
