/** All behaviours on one filesystem. */
import { join } from 'node:path';
import { ActorError } from './actors.ts';
import { committing } from './committing.ts';
import { durability } from './durability.ts';
import { examining } from './examining.ts';
import type { Filesystem } from './filesystem.ts';
import { keeping } from './keeping.ts';
import { killing } from './killing.ts';
import { naming } from './naming.ts';
import { Place } from './place.ts';
import { racing } from './racing.ts';
import { sharing } from './sharing.ts';
import { Stage, type Amount, type Behaviour, type Mounted } from './stage.ts';
import { verdict, type Verdict } from './verdict.ts';
import { writing } from './writing.ts';

export interface Row {
  readonly filesystem: Filesystem;
  /** Packages with their versions. */
  readonly versions: readonly string[];
  readonly cells: ReadonlyMap<string, Verdict>;
  /** Why nothing was tried. */
  readonly missing?: string;
  readonly seconds: number;
}

/** What every program expects of a filesystem. Where it cannot do that within a while, nothing is tried on it. */
const usual = `
  const fs = require('node:fs');
  process.chdir(fs.mkdtempSync(process.argv[1] + '/usual-'));
  const fd = fs.openSync('one', 'w');
  fs.writeSync(fd, 'content');
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  fs.renameSync('one', 'two');
  fs.unlinkSync('two');
  fs.writeFileSync('one', Buffer.alloc(3_000_000));
  fs.renameSync('one', 'two');
  fs.mkdirSync('folder');
  const size = fs.readFileSync('two').length;
  if (size !== 3_000_000 || !fs.readdirSync('.').includes('two')) throw new Error('it does not hold what was written');
  fs.rmdirSync('folder');
  fs.unlinkSync('two');
`;

/** Longer than any timeout of the package that a behaviour may run into. */
const patience = 300_000;

class Late extends Error {}

async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer;
  try {
    return await Promise.race([
      promise,
      new Promise<never>(
        (_, reject) =>
          (timer = setTimeout(() => reject(new Late(`not over in ${milliseconds / 1000} s`)), milliseconds)),
      ),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** Of all that a program said, its error. */
function reasonIn(message: string, { base }: Place): string {
  const lines = message
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '');
  const told = lines.find((line) => /^\w*Error: |^mount: /.test(line)) ?? lines.at(-1) ?? message;
  return told.replaceAll(`${base}/`, '');
}

async function tryOne(behaviour: Behaviour, mounted: Mounted, number: number, amount: Amount): Promise<Verdict> {
  const folder = join(mounted.folder, `behaviour-${number}`);
  const stage = new Stage(folder, mounted, amount);
  try {
    await stage.newFolder();
    return await behaviour.run(stage);
  } catch (error) {
    const { code, syscall, message, stack } = error as NodeJS.ErrnoException;
    // What a plain call of this process met is no matter of the package, unless something is not there any more.
    if (!(error instanceof ActorError) && syscall !== undefined && code !== 'ENOENT')
      return verdict('not tested', `${syscall}(2) says ${code}`, [message]);
    return verdict('VIOLATION', 'unexpected', [stack ?? String(error)]);
  } finally {
    await stage.end();
  }
}

/** Whether plain calls are not answered either. */
async function hangs(target: Place, { folder }: Mounted): Promise<boolean> {
  return within(20_000, target.run(process.execPath, '-e', usual, folder)).then(
    () => false,
    (error: unknown) => error instanceof Late,
  );
}

async function tryAll(
  filesystem: Filesystem,
  target: Place,
  amount: Amount,
  only: readonly string[] | undefined,
): Promise<Pick<Row, 'cells' | 'missing'>> {
  const cells = new Map<string, Verdict>();
  let mounted;
  try {
    mounted = await filesystem.mount(target);
    await within(20_000, target.run(process.execPath, '-e', usual, mounted.folder));
  } catch (error) {
    await target.stop();
    return {
      cells,
      missing: error instanceof Late ? 'it hangs, in plain calls' : reasonIn((error as Error).message, target),
    };
  }
  const behaviours = [
    ...writing,
    ...naming,
    ...keeping,
    ...sharing,
    ...examining,
    ...racing,
    ...committing,
    ...killing,
    durability(filesystem, target),
  ];
  for (const [number, behaviour] of behaviours.entries()) {
    if (only?.includes(behaviour.name) === false) continue;
    const trying = tryOne(behaviour, mounted, number, amount);
    try {
      cells.set(behaviour.name, await within(patience, trying));
    } catch (error) {
      const { message } = error as Error;
      cells.set(
        behaviour.name,
        (await hangs(target, mounted)) ? verdict('filesystem', 'hangs') : verdict('VIOLATION', message),
      );
      // Whoever waits for it gets an error.
      await target.stop();
      await trying;
      break;
    }
  }
  return { cells };
}

export async function tryFilesystem(
  filesystem: Filesystem,
  versions: ReadonlyMap<string, string | undefined>,
  amount: Amount,
  only?: readonly string[],
): Promise<Row> {
  const began = Date.now();
  const absent = filesystem.packages.filter((name) => versions.get(name) === undefined);
  const row = {
    filesystem,
    versions: filesystem.packages
      .filter((name) => !absent.includes(name))
      .map((name) => `${name} ${versions.get(name)}`),
  };
  if (absent.length > 0)
    return { ...row, cells: new Map(), missing: `${absent.join(', ')} not installed (--install)`, seconds: 0 };
  const target = await Place.make();
  try {
    return { ...row, ...(await tryAll(filesystem, target, amount, only)), seconds: (Date.now() - began) / 1000 };
  } finally {
    await target.end();
  }
}
