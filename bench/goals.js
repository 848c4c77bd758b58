// The goals, as data: what of ours is compared with what of whom, and how much it may be. Nothing measured is in here.
import { contenders } from './contenders.js';
import { median, ratio } from './statistics.js';

const wfa = 'write-file-atomic';
const fast = 'fast-write-atomic';
const times = (workload, limit, against) => ({ workload, limit, against, value: 'ms' });
const of = (workload, limit, value, text) => ({ workload, limit, value, text });
const linear = (id, from) => ({ workload: id, limit: 1.5, from, value: 'linear' });

/** The best peer is the fastest of those from npm that sync the file. */
const bestPeer = 'best peer';

export const goals = [
  times('rewrite-full-async', 1.2, 'C'),
  times('rewrite-full-async', 0.95, fast),
  of('rewrite-full-async', 10, 'blocked', 'event loop never blocked: longest delay in ms'),
  times('rewrite-normal-async', 1.1, fast),
  times('rewrite-off-async', 0.8, 'node:fs'),
  times('rewrite-off-async', 0.7, 'steno'),
  times('rewrite-full-sync', 1, 'C'),
  times('rewrite-off-sync', 1, 'C'),
  times('files-full', 1.2, 'C, 4 threads'),
  times('files-full', 0.35, wfa),
  { workload: 'files-full', limit: 1.5, against: fast, value: 'cpu' },
  times('files-off', 0.4, wfa),
  times('write-files-full', 0.9, 'C, 4 threads'),
  times('update-full', 2, 'untorn, a plain write'),
  times('burst-full', 10, 'C, two writes'),
  times('replace-1MiB', 0.9, bestPeer),
  times('replace-100MiB', 0.55, 'C'),
  times('replace-1GiB', 0.55, bestPeer),
  times('stream-1GiB', 0.85, 'C'),
  times('stream-1GiB', 0.36, 'node:fs'),
  { workload: 'stream-1GiB', limit: 1, against: 'node:fs', value: 'memory' },
  times('json-10MB', 1.35, 'JSON.stringify'),
  times('import', 0.5, wfa),
  times('require', 0.5, wfa),
  times('command-1KiB', 1.1, 'node -e 0'),
  times('command-100MiB', 1, 'sponge'),
  { calls: 'write', limit: 20, value: 'calls', text: 'system calls on files for one durable rewrite, async' },
  { calls: 'writeSync', limit: 10, value: 'calls', text: 'system calls on files for one durable rewrite, sync' },
  { loading: 'native', limit: 1, value: 'loading', text: 'loading the native part, ms' },
  { entered: 'writeFile', limit: 30, value: 'entered', text: 'files of src that one `writeFile()` enters' },
  linear('scale-files-10000', 'scale-files-1000'),
  linear('scale-bytes-1073741824', 'scale-bytes-33554432'),
  { workload: 'scale-files-10000', limit: 64, value: 'descriptors', text: 'most descriptors open' },
];

const valuesOf = (workload, name, value) => workload.samples[name]?.map((sample) => sample[value]);

/** Each goal with what was measured; undefined where it was not. */
export function judge({ workloads, calls, entered, loading }) {
  const find = (id) => workloads.find((workload) => workload.id === id);
  return goals.map((goal) => {
    const { measured, against } = measure(goal, find, { calls, entered, loading });
    return {
      ...goal,
      floor: floorOf(goal, find, against),
      isBest: goal.against === bestPeer,
      rounds: find(goal.workload)?.samples.untorn.length,
      title: find(goal.workload)?.title,
      durability: find(goal.workload)?.durability,
      reduced: find(goal.workload)?.reduced,
      against,
      measured,
      met: measured === undefined ? undefined : measured <= goal.limit,
    };
  });
}

/** What the quickest floor measures in our place; undefined beside the floor itself, or where there is none. */
function floorOf(goal, find, against) {
  const floors = Object.keys(find(goal.workload)?.floors ?? {}).filter((name) => name.startsWith('C'));
  const times = (id, name) => valuesOf(find(id), name, 'ms');
  const ratios = floors
    .filter((name) => name !== against && find(goal.workload).samples[name] !== undefined)
    .map((name) => {
      if (goal.value === 'linear')
        return (
          find(goal.from) &&
          median(times(goal.workload, name)) /
            find(goal.workload).scale.at /
            (median(times(goal.from, name)) / find(goal.from).scale.at)
        );
      return goal.value === 'ms' && against !== undefined && !isFloor(goal, find, against)
        ? ratio(times(goal.workload, name), times(goal.workload, against))
        : undefined;
    });
  const known = ratios.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

const isFloor = (goal, find, name) => name in find(goal.workload).floors;

function measure(goal, find, { calls, entered, loading }) {
  if (goal.value === 'loading') return { measured: loading };
  if (goal.value === 'entered') return { measured: entered && Object.keys(entered[goal.entered]).length };
  if (goal.value === 'calls')
    return {
      measured: calls.find(
        ({ name, api, durability }) => name === 'untorn' && api === goal.calls && durability === 'full',
      )?.calls,
    };
  const workload = find(goal.workload);
  if (workload === undefined) return {};
  if (goal.value === 'descriptors') return { measured: workload.descriptors };
  const ours = valuesOf(workload, 'untorn', goal.value === 'linear' ? 'ms' : goal.value);
  if (goal.value === 'blocked') return { measured: median(ours.map((value) => value ?? 0)) };
  if (goal.value === 'linear') {
    const before = find(goal.from);
    if (before === undefined) return {};
    const perItem = median(ours) / workload.scale.at;
    return { measured: perItem / (median(valuesOf(before, 'untorn', 'ms')) / before.scale.at), against: before.title };
  }
  const against = goal.against === bestPeer ? best(workload, calls) : goal.against;
  const theirs = against && valuesOf(workload, against, goal.value);
  return theirs === undefined ? {} : { measured: ratio(ours, theirs), against };
}

/** The fastest peer that was seen to sync the file, where calls were traced. */
function best(workload, calls) {
  const syncing = (name) =>
    calls.length === 0 ||
    calls.some(
      (call) =>
        call.name === name &&
        call.api === workload.api &&
        call.durability === workload.durability &&
        call.file &&
        call.atomic,
    );
  return Object.keys(workload.samples)
    .filter((name) => name !== 'untorn' && !contenders[name]?.builtin && !(name in workload.floors) && syncing(name))
    .toSorted((a, b) => median(valuesOf(workload, a, 'ms')) - median(valuesOf(workload, b, 'ms')))[0];
}
