// The same calls of each original and of its drop-in, and what they leave: what differs has to be a difference that
// docs/drop-ins.md names.
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';

const callback = (call) => new Promise((resolve) => call((...received) => resolve({ received: received.map(shown) })));
const shown = (value) =>
  value instanceof Error ? { error: value.code ?? value.name } : value === undefined ? 'undefined' : value;
const streamed = (stream, ...chunks) =>
  new Promise((resolve) => {
    const events = [];
    for (const name of ['finish', 'error', 'close']) stream.on(name, () => events.push(name));
    stream.on('close', () => resolve({ events }));
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
  });

const old = (path, mode = 0o644) => {
  writeFileSync(path, 'old');
  chmodSync(path, mode);
};
const own = () => ({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
const data = [
  ['a string', 'new ä'],
  ['nothing', ''],
  ['a Buffer', Buffer.from([0, 255])],
  ['a part of a buffer', new Uint8Array([1, 2, 3, 4]).subarray(1, 3)],
];

/** Ways to call write-file-atomic and atomically, and what both have. */
const both = (write, sync) => [
  ...data.map(([what, value]) => [what, (module, path) => write(module)(path('file'), value)]),
  ...data.map(([what, value]) => [`${what}, blocking`, (module, path) => sync(module)(path('file'), value)]),
  ['a callback', (module, path) => callback((done) => write(module)(path('file'), 'new', done))],
  [
    'options and a callback',
    (module, path) => callback((done) => write(module)(path('file'), 'new', { mode: 0o600 }, done)),
  ],
  ['an encoding', (module, path) => write(module)(path('file'), '00ff', 'hex')],
  ['an encoding as an option', (module, path) => sync(module)(path('file'), 'ä', { encoding: 'latin1' })],
  ['an old file', (module, path) => (old(path('file'), 0o640), write(module)(path('file'), 'new'))],
  ['a private old file, blocking', (module, path) => (old(path('file'), 0o600), sync(module)(path('file'), 'new'))],
  ['a mode', (module, path) => write(module)(path('file'), 'new', { mode: 0o751 })],
  [
    'a mode of fs.Stats',
    (module, path) => (
      old(path('file'), 0o604),
      write(module)(path('copy'), 'new', { mode: statSync(path('file')).mode })
    ),
  ],
  ['mode 0o666', (module, path) => (old(path('file'), 0o600), write(module)(path('file'), 'new', { mode: 0o666 }))],
  [
    'mode 0o666, blocking',
    (module, path) => (old(path('file'), 0o600), sync(module)(path('file'), 'new', { mode: 0o666 })),
  ],
  ['an owner', (module, path) => write(module)(path('file'), 'new', { chown: own() })],
  ['no owner', (module, path) => (old(path('file')), sync(module)(path('file'), 'new', { chown: false }))],
  ['no sync', (module, path) => write(module)(path('file'), 'new', { fsync: false })],
  ['an option that there is not', (module, path) => write(module)(path('file'), 'new', { colour: 'red' })],
  [
    'a link',
    (module, path) => (old(path('file')), symlinkSync('file', path('link')), write(module)(path('link'), 'new')),
  ],
  [
    'a link to nothing',
    (module, path) => (symlinkSync('file', path('link')), write(module)(path('link'), 'new')),
    'links are followed',
  ],
  ['a directory', (module, path) => (mkdirSync(path('file')), write(module)(path('file'), 'new'))],
  ['a directory, blocking', (module, path) => (mkdirSync(path('file')), sync(module)(path('file'), 'new'))],
  ['a file as a directory', (module, path) => (old(path('file')), write(module)(path('file/below'), 'new'))],
  [
    'several at once',
    async (module, path) => void (await Promise.all(['1', '2', '3'].map((text) => write(module)(path('file'), text)))),
  ],
];

const wfa = (module) => module.default;
const wfaSync = (module) => module.default.sync;

export const cases = {
  'write-file-atomic': [
    ...both(wfa, wfaSync),
    ['no directory', (module, path) => wfa(module)(path('none/file'), 'new')],
    ['no directory, blocking', (module, path) => wfaSync(module)(path('none/file'), 'new')],
    ['an error for a callback', (module, path) => callback((done) => wfa(module)(path('none/file'), 'new', done))],
    ['a number', (module, path) => wfa(module)(path('file'), 12)],
    ['an object with text', (module, path) => wfa(module)(path('file'), { toString: () => 'text' })],
    [
      'an error of tmpfileCreated',
      (module, path) => wfa(module)(path('file'), 'new', { tmpfileCreated: () => Promise.reject(new RangeError()) }),
    ],
    ['undefined', (module, path) => (old(path('file')), wfa(module)(path('file'), undefined)), 'undefined is refused'],
    ['an object', (module, path) => (old(path('file')), wfa(module)(path('file'), {})), 'plain objects are refused'],
    [
      'wider numbers',
      (module, path) => wfa(module)(path('file'), new Uint16Array([1, 2, 3])),
      'all bytes of any typed array',
    ],
    [
      'mode false',
      (module, path) => (old(path('file'), 0o600), wfa(module)(path('file'), 'new', { mode: false })),
      'the original throws',
    ],
    [
      'mode false, blocking',
      (module, path) => (old(path('file'), 0o600), wfaSync(module)(path('file'), 'new', { mode: false })),
      'as documented',
    ],
  ],
  atomically: [
    ...both(
      (module) => module.writeFile,
      (module) => module.writeFileSync,
    ),
    ['new directories', (module, path) => module.writeFile(path('a/b/file'), 'new')],
    ['undefined', (module, path) => module.writeFile(path('file'), undefined)],
    // The original has no code for null.
    ...[42, {}, [], ['text'], new Map(), new ArrayBuffer(0), new Blob([])].flatMap((value) => [
      [
        `${typeof value} ${String(value)}`,
        (module, path) => (old(path('file')), module.writeFile(path('file'), value)),
      ],
      [
        `${typeof value} ${String(value)}, blocking`,
        (module, path) => (old(path('file')), module.writeFileSync(path('file'), value)),
      ],
    ]),
    [
      'mode false',
      (module, path) => (old(path('file'), 0o600), module.writeFile(path('file'), 'new', { mode: false })),
    ],
    ['a mode in digits', (module, path) => module.writeFileSync(path('file'), 'new', { mode: '640' })],
    ['a stream', (module, path) => module.writeFile(path('file'), Readable.from(['one ', 'two']))],
    [
      'a schedule',
      async (module, path) => {
        const events = [];
        await module.writeFile(path('file'), 'new', {
          schedule: async () => (events.push('begin'), () => events.push('end')),
        });
        return events;
      },
    ],
    ['reading bytes', (module, path) => (old(path('file')), module.readFile(path('file')))],
    ['reading text', (module, path) => (old(path('file')), module.readFileSync(path('file'), 'latin1'))],
    [
      'reading text by an option',
      (module, path) => (old(path('file')), module.readFile(path('file'), { encoding: 'utf8' })),
    ],
    ['reading nothing', (module, path) => module.readFile(path('file'), 'utf8')],
    ['reading nothing, blocking', (module, path) => module.readFileSync(path('file'))],
    ['reading a directory', (module, path) => (mkdirSync(path('file')), module.readFile(path('file')))],
    ['a long name', (module, path) => module.writeFile(path('n'.repeat(300)), 'new'), 'it is an error'],
  ],
  steno: [
    ...data.map(([what, value]) => [what, (module, path) => new module.Writer(path('file')).write(value)]),
    [
      'many calls',
      async (module, path) => {
        const writer = new module.Writer(path('file'));
        await Promise.all(Array.from({ length: 50 }, (_, index) => writer.write(`${index}`)));
      },
    ],
    ['no directory', (module, path) => new module.Writer(path('none/file')).write('new')],
    ['undefined', (module, path) => new module.Writer(path('file')).write(undefined)],
    ['an old file', (module, path) => (old(path('file')), new module.Writer(path('file')).write('new'))],
    [
      'a private old file',
      (module, path) => (old(path('file'), 0o600), new module.Writer(path('file')).write('new')),
      'mode is kept',
    ],
    [
      'a link',
      (module, path) => (
        old(path('file')),
        symlinkSync('file', path('link')),
        new module.Writer(path('link')).write('new')
      ),
      'links are followed',
    ],
  ],
  'fs-write-stream-atomic': [
    ['some chunks', (module, path) => streamed(module.default(path('file')), 'one ', Buffer.from('two'))],
    ['no chunk', (module, path) => streamed(new module.default(path('file')))],
    ['a mode', (module, path) => streamed(module.default(path('file'), { mode: 0o777 }), 'new')],
    ['an encoding', (module, path) => streamed(module.default(path('file'), { encoding: 'hex' }), Buffer.from([1]))],
    ['an owner', (module, path) => streamed(module.default(path('file'), { chown: own() }), 'new')],
    ['no directory', (module, path) => streamed(module.default(path('none/file')), 'new')],
    ['an old file', (module, path) => (old(path('file')), streamed(module.default(path('file')), 'new'))],
    [
      'a private old file',
      (module, path) => (old(path('file'), 0o600), streamed(module.default(path('file')), 'new')),
      'mode is kept',
    ],
  ],
};

/**
 * What is in a folder, in the order of the names. After a failure atomically removes its temporary file when the call has
 * ended already.
 */
function left(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/\.tmp-\w+$/.test(name))
    .toSorted()
    .map((name) => {
      const path = join(folder, name);
      const status = lstatSync(path);
      if (status.isSymbolicLink()) return `${name} -> ${readlinkSync(path)}`;
      const mode = (status.mode & 0o7777).toString(8);
      return status.isDirectory() ? `${name}/ ${mode}` : `${name} ${mode} ${readFileSync(path, 'hex')}`;
    });
}

/** What a call gives, and leaves in a folder. */
export async function tryCase(run, module, folder) {
  mkdirSync(folder, { recursive: true });
  let result;
  try {
    result = shown(await run(module, (name) => join(folder, name)));
  } catch (error) {
    result = { thrown: error.code ?? error.name };
  }
  return JSON.stringify({ result, left: left(folder) });
}
