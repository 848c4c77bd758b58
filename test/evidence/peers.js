/**
 * What untorn and its peers leave when a system call fails, does less, or is the last: every call that each makes on
 * its files, with every fault. Arguments: names of some. Needs the peers from npm (see bench/peers.js) and a machine
 * where processes may be traced.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sweepSync } from 'untorn';
import { contenders } from '../../bench/contenders.js';
import { installPeers } from '../../bench/peers.js';
import { runScript } from '../../build/test/fault/spoiled.js';
import { reasonNotToSpoil } from '../../build/test/fault/spoiler.js';
import { faultsOf, kill } from '../../build/test/fault/trials.js';
import { filesystemOf, note } from '../../build/test/support/evidence.js';

const attempt = fileURLToPath(new URL('../../bench/attempt.js', import.meta.url));
const size = 100_000;
const old = 'old '.repeat(2000);
const isNew = (content) => content.length >= size && /^"?n+"?\n?$/.test(content);
const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** What became of one write: what is in place, what was said of it, and what else is there. */
async function tryOnce(name, folder, trial) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const path = join(folder, 'state');
  writeFileSync(path, old);
  chmodSync(path, 0o640);
  const { write, json } = contenders[name];
  const operation = write === undefined && json === undefined ? 'stream' : 'write';
  const { status, stdout, calls, spoiled } = await runScript(
    [folder, 'state'],
    [attempt, name, operation, path, String(size)],
    '',
    trial,
  );
  const content = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  const holds = content === undefined ? 'nothing' : content === old ? 'old' : isNew(content) ? 'new' : 'damaged';
  const left = readdirSync(folder).filter((other) => other !== 'state');
  const swept = left.length === 0 ? 0 : sweepSync(folder).removed.length;
  const said =
    status === null
      ? 'killed'
      : stdout.trim() === ''
        ? 'nothing'
        : stdout.startsWith('resolved')
          ? 'success'
          : 'an error';
  return { calls, spoiled, holds, said, left: left.length, swept };
}

async function tryAll(name) {
  const folder = mkdtempSync(join(base, 'untorn-peers-'));
  const counts = {
    faults: 0,
    kills: 0,
    damaged: 0,
    falseSuccess: 0,
    unsettled: 0,
    litter: 0,
    killedDamaged: 0,
    killedLitter: 0,
    killedSwept: 0,
    missed: 0,
  };
  const examples = {};
  const example = (kind, trial) => (examples[kind] ??= `${trial.fault} at ${trial.call.text.replace(folder, '…')}`);
  const count = (kind, trial, is) => {
    if (!is) return;
    counts[kind]++;
    example(kind, trial);
  };
  try {
    const model = await tryOnce(name, folder);
    if (model.said !== 'success' || model.holds !== 'new')
      throw new Error(`${name} does not write: ${JSON.stringify(model)}`);
    for (const trial of model.calls.flatMap((call) => [...faultsOf(call), kill].map((fault) => ({ call, fault })))) {
      const { spoiled, holds, said, left, swept } = await tryOnce(name, folder, trial);
      const isDamaged = holds === 'damaged' || holds === 'nothing';
      if (!spoiled) counts.missed++;
      else if (trial.fault === kill) {
        counts.kills++;
        count('killedDamaged', trial, isDamaged);
        count('killedLitter', trial, left > 0);
        if (left > 0 && swept === left) counts.killedSwept++;
      } else {
        counts.faults++;
        count('damaged', trial, isDamaged);
        count('falseSuccess', trial, said === 'success' && holds !== 'new');
        count('unsettled', trial, said === 'nothing');
        count('litter', trial, left > 0);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const { version } = contenders[name];
  console.log(name, JSON.stringify(counts));
  note({
    of: 'faults of peers',
    program: version === undefined ? name : `${name} ${version}`,
    guarantees: [],
    filesystem: filesystemOf(base),
    durabilities: ['full'],
    count: counts.faults + counts.kills,
    violations: counts.damaged + counts.falseSuccess + counts.killedDamaged,
    details: { ...counts, examples },
  });
}

const named = process.argv.slice(2);
const names = Object.keys(contenders).filter(
  (name) => name !== 'JSON.stringify' && (named.length === 0 || named.includes(name)),
);
if (reasonNotToSpoil) console.log(`skipped: ${reasonNotToSpoil}`);
else {
  installPeers();
  const waiting = [...names];
  const work = async () => {
    for (let name; (name = waiting.shift()) !== undefined;) await tryAll(name);
  };
  await Promise.all([work(), work(), work()]);
}
