/** What those who are attacked do in the shared directory; what their neighbour does there before he is killed. */
import { lstatSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Untorn } from './package.ts';

/** A path in the shared directory. */
type At = (name: string) => string;

interface Operation {
  /** Names that the caller gives: what is there is read, however large it is. */
  readonly given: readonly string[];
  /** Where a link is not followed there, and so the caller does not lead there. */
  readonly refusesLinks?: true;
  /** What has to be there: see preparing.ts. */
  readonly needs?: readonly Need[];
  /** Where its neighbour plants something, if not in the shared directory itself. */
  readonly plantIn?: string;
  /** Whether its program ends with it. */
  readonly ends?: true;
  /** The name that holds the new content or directory, if the operation says that it succeeded. */
  readonly target?: string;
  run(untorn: Untorn, at: At, pause: (steps: () => unknown) => Promise<void>): unknown;
}

export type Need = 'acl' | 'damaged' | 'site' | 'backups';

/** Long enough for those who are waiting for what nobody will give back. */
const lock = { timeout: 400 };
const fast = { durability: 'off', lock } as const;

const fill =
  (pause: (steps: () => unknown) => Promise<void>) =>
  async (folder: string): Promise<void> => {
    // The caller's own calls are not the package's, and it is more careful than most.
    await pause(() => {
      const status = lstatSync(folder);
      if (!status.isDirectory() || status.uid !== process.geteuid?.()) throw new Error('the caller is led elsewhere');
      writeFileSync(`${folder}/index.html`, 'new');
    });
  };

const failed = (): never => {
  throw new Error('the caller fails');
};

const leave = (): never => process.exit(0);

function manyFiles({ transaction }: Untorn, at: At, count: number): unknown {
  return transaction(
    async (tx) => {
      for (let file = 0; file < count; file++) await tx.writeFile(at(`file-${file}`), 'new');
    },
    { lock },
  );
}

/** What a terminal obeys: escapes in both forms, a bell, the beginning of the line, and a line of its own. */
export const terminalName = '\u001B[2J\u009B2J\u0007\r\nINJECTED';

export const operations = {
  sweep: { given: [], run: ({ sweep }, at) => sweep(at('.'), { olderThan: 0 }) },
  sweepSync: { given: [], run: ({ sweepSync }, at) => sweepSync(at('.'), { olderThan: 0 }) },
  'sweep recursive': {
    given: [],
    plantIn: 'own',
    run: ({ sweep }, at) => sweep(at('.'), { olderThan: 0, recursive: true }),
  },
  recover: { given: [], run: ({ recover }, at) => recover(at('.'), { olderThan: 0 }) },
  recoverSync: { given: [], run: ({ recoverSync }, at) => recoverSync(at('.'), { olderThan: 0 }) },
  transaction: {
    given: ['state', 'other'],
    target: 'state',
    run: ({ transaction }, at) =>
      transaction(
        async (tx) => {
          await tx.writeFile(at('state'), 'new', { backup: 'simple' });
          await tx.writeFile(at('other'), 'new');
        },
        { lock },
      ),
  },
  transactionSync: {
    given: ['state', 'other'],
    target: 'state',
    run: ({ transactionSync }, at) =>
      transactionSync(
        (tx) => {
          tx.writeFile(at('state'), 'new');
          tx.remove(at('other'));
        },
        { lock },
      ),
  },
  'transaction failing': {
    given: ['state'],
    run: ({ transaction }, at) =>
      transaction(async (tx) => void (await tx.writeFile(at('state'), 'new'), failed()), { lock }),
  },
  updateFile: {
    given: ['state'],
    target: 'state',
    run: ({ updateFile }, at) => updateFile(at('state'), () => 'new', fast),
  },
  updateFileSync: {
    given: ['state'],
    target: 'state',
    run: ({ updateFileSync }, at) => updateFileSync(at('state'), () => 'new', fast),
  },
  'updateFile refusing links': {
    given: ['state'],
    refusesLinks: true,
    target: 'state',
    run: ({ updateFile }, at) => updateFile(at('state'), () => 'new', { ...fast, symlink: 'refuse' }),
  },
  // The holder shows signs of life meanwhile.
  'updateFile for long': {
    given: ['state'],
    target: 'state',
    run: ({ updateFile }, at) =>
      updateFile(at('state'), () => setTimeout(45, 'new'), { ...fast, lock: { ...lock, lease: 100 } }),
  },
  'updateFile failing': { given: ['state'], run: ({ updateFile }, at) => updateFile(at('state'), failed, fast) },
  updateJson: {
    given: ['config.json'],
    needs: ['damaged'],
    target: 'config.json',
    run: ({ updateJson }, at) =>
      updateJson(at('config.json'), (value) => ({ ...(value as object), more: 1 }), {
        recover: 'backup',
        onRecover: () => undefined,
        ...fast,
      }),
  },
  readVersioned: { given: ['state'], run: ({ readVersioned }, at) => readVersioned(at('state')) },
  readJson: {
    given: ['config.json'],
    needs: ['damaged'],
    run: ({ readJson }, at) => readJson(at('config.json'), { recover: 'backup', onRecover: () => undefined }),
  },
  replaceDirectory: {
    given: ['site'],
    needs: ['site'],
    target: 'site',
    run: ({ replaceDirectory }, at, pause) => replaceDirectory(at('site'), fill(pause), { lock }),
  },
  'replaceDirectory failing': {
    given: ['site'],
    needs: ['site'],
    run: ({ replaceDirectory }, at, pause) =>
      replaceDirectory(at('site'), async (folder) => void (await fill(pause)(folder), failed())),
  },
  writeFile: {
    given: ['state'],
    needs: ['acl'],
    target: 'state',
    run: ({ writeFile }, at) => writeFile(at('state'), 'new'),
  },
  writeFileSync: {
    given: ['state'],
    needs: ['acl'],
    target: 'state',
    run: ({ writeFileSync }, at) => writeFileSync(at('state'), 'new'),
  },
  'writeFile with a mode': {
    given: ['state'],
    target: 'state',
    run: ({ writeFile }, at) => writeFile(at('state'), 'new', { mode: 0o600, ifUnchanged: 'skip' }),
  },
  'writeFile with an owner': {
    given: ['state'],
    target: 'state',
    run: ({ writeFile }, at) => writeFile(at('state'), 'new', { owner: { uid: 64_002, gid: 64_010 }, mode: 0o664 }),
  },
  'writeFile with a backup': {
    given: ['state'],
    target: 'state',
    run: ({ writeFile }, at) => writeFile(at('state'), 'new', { backup: 'simple' }),
  },
  'writeFile with numbered backups': {
    given: ['state'],
    needs: ['backups'],
    target: 'state',
    run: ({ writeFile }, at) => writeFile(at('state'), 'new', { backup: { numbered: 3 } }),
  },
  'writeFile if it is that version': {
    given: ['state'],
    target: 'state',
    async run({ readVersioned, writeFile }, at) {
      return writeFile(at('state'), 'new', { ...fast, ifMatch: (await readVersioned(at('state'))).version });
    },
  },
  'writeFile to create': {
    given: ['created'],
    target: 'created',
    run: ({ writeFile }, at) => writeFile(at('created'), 'new', { overwrite: false }),
  },
  'openPending and discard': {
    given: ['state'],
    async run({ openPending }, at) {
      const file = await openPending(at('state'));
      await file.write('new');
      await file.discard();
    },
  },
  'replaceDirectory left by an exit': {
    given: ['site'],
    needs: ['site'],
    ends: true,
    run: ({ replaceDirectory }, at) => replaceDirectory(at('site'), leave, { lock }),
  },
  'updateFile left by an exit': {
    given: ['state'],
    ends: true,
    run: ({ updateFile }, at) => updateFile(at('state'), leave, fast),
  },
  'transaction left by an exit': {
    given: ['state'],
    ends: true,
    run: ({ transaction }, at) =>
      transaction(async (tx) => (await tx.writeFile(at('state'), 'new'), leave()), {
        lock: { ...lock, files: [at('other')] },
      }),
  },
  'transaction with numbered backups': {
    given: ['state'],
    needs: ['backups'],
    run: ({ transaction }, at) =>
      transaction((tx) => tx.writeFile(at('state'), 'new', { backup: { numbered: 3 } }), { lock }),
  },
  // Of two directories, in the folder of both, and in one of them.
  'transaction in two directories': {
    given: [],
    run: ({ transaction }, at) =>
      transaction(
        async (tx) => {
          await tx.writeFile(at('home/state'), 'both');
          await tx.writeFile(at('other/state'), 'both');
        },
        { lock: { ...lock, files: [at('home/state')] } },
      ),
  },
  // In the shared directory and in one beside it that only the user himself can enter.
  'transaction with hidden files': {
    given: [],
    run: ({ transaction }, at) =>
      transaction(
        async (tx) => {
          await tx.writeFile(at('mine'), 'both');
          await tx.writeFile(at('../hidden/state'), 'both');
          await tx.writeFile(at('../hidden/other'), 'both');
        },
        { lock: { ...lock, files: [at('mine')] } },
      ),
  },
  'transaction from hidden files': {
    given: [],
    run: ({ transaction }, at) =>
      transaction(
        async (tx) => {
          await tx.writeFile(at('../hidden/state'), 'both');
          await tx.writeFile(at('mine'), 'both');
        },
        { lock: { ...lock, files: [at('../hidden/state')] } },
      ),
  },
  'write mine': { given: [], run: ({ writeFile }, at) => writeFile(at('mine'), 'both') },
  'update mine': { given: [], run: ({ updateFile }, at) => updateFile(at('mine'), () => 'both', fast) },
  'append a': {
    given: ['state'],
    run: ({ updateFile }, at) => updateFile(at('state'), (old) => `${String(old)} a`, fast),
  },
  'append b': {
    given: ['state'],
    run: ({ updateFileSync }, at) => updateFileSync(at('state'), (old) => `${String(old)} b`, fast),
  },
  'append b if it is that version': {
    given: ['state'],
    async run({ readVersioned, writeFile }, at) {
      const { content, version } = await readVersioned(at('state'), 'utf8');
      return writeFile(at('state'), `${content} b`, { ...fast, ifMatch: version });
    },
  },
  'append b in a transaction': {
    given: ['state'],
    run: ({ transaction }, at) =>
      transaction(async (tx) => tx.writeFile(at('state'), `${await tx.readFile(at('state'), 'utf8')} b`), { lock }),
  },
  'update of theirs': { given: ['theirs'], run: ({ updateFile }, at) => updateFile(at('theirs'), () => 'new', fast) },
  'transaction of theirs': {
    given: ['theirs'],
    run: ({ transaction }, at) => transaction((tx) => tx.writeFile(at('theirs'), 'new'), { lock }),
  },
  'update that changes nothing': {
    given: [],
    run: ({ updateFile }, at) => updateFile(at('state'), (old) => old as Buffer, fast),
  },
  'transaction that changes nothing': {
    given: [],
    run: ({ transaction }, at) =>
      transaction(async (tx) => tx.writeFile(at('state'), await tx.readFile(at('state'))), { lock }),
  },
  'transaction beside': {
    given: [],
    run: ({ transaction }, at) => transaction((tx) => tx.writeFile(at('beside'), 'new'), { lock }),
  },
  'transaction of 10 files': { given: [], run: (untorn, at) => manyFiles(untorn, at, 10) },
  'transaction of 20 files': { given: [], run: (untorn, at) => manyFiles(untorn, at, 20) },
  'transaction of 40 files': { given: [], run: (untorn, at) => manyFiles(untorn, at, 40) },
  'update of a name for a terminal': {
    given: [],
    run: ({ updateFile }, at) => updateFile(at(terminalName), () => 'new', fast),
  },
  'transaction of a name for a terminal': {
    given: [],
    run: ({ transaction }, at) => transaction((tx) => tx.writeFile(at(terminalName), 'new'), { lock }),
  },
  'replaceDirectory of a name for a terminal': {
    given: [],
    run: ({ replaceDirectory }, at, pause) => replaceDirectory(at(terminalName), fill(pause), { lock }),
  },
  // From here on what prepares the scene, and what the neighbour is at when he is killed.
  backUp: { given: ['state'], run: ({ writeFile }, at) => writeFile(at('state'), 'old', { backup: { numbered: 3 } }) },
  'transaction with a home of its own': {
    given: [],
    run: ({ transaction }, at) =>
      transaction(
        async (tx) => {
          await tx.writeFile(at('theirs'), 'planted');
          await tx.writeFile(at('own/file'), 'planted');
        },
        { lock: { ...lock, files: [at('own/file')] } },
      ),
  },
} satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;

export function operation(name: OperationName): Operation {
  return operations[name];
}
