// Who takes part, and how each is used. A method that is missing is one that its package has not.
//   write, writeSync: (path, data);  stream: (path, source);  json: (path, value)
// `modes`: the durabilities that it can be asked for. What it does for them is measured, not stated here.
import { createWriteStream, promises, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';

const kept =
  (make, made = new Map()) =>
  (key) =>
    made.get(key) ?? (made.set(key, make(key)), made.get(key));
const fsync = (durability) => ({ fsync: durability !== 'off' });
const flush = (durability) => ({ flush: durability !== 'off' });

export const contenders = {
  untorn: {
    modes: ['full', 'off'],
    write:
      ({ writeFile }, durability) =>
      (path, data) =>
        writeFile(path, data, { durability }),
    writeSync:
      ({ writeFileSync: write }, durability) =>
      (path, data) =>
        write(path, data, { durability }),
    writeAll:
      ({ writeFiles }, durability) =>
      (files) =>
        writeFiles(files, { durability }),
    update:
      ({ updateFile }, durability) =>
      (path, data) =>
        updateFile(path, () => data, { durability }),
    stream:
      ({ createWriteStream: create }, durability) =>
      (path, source) =>
        pipeline(source, create(path, { durability })),
    json:
      ({ writeJson }, durability) =>
      (path, value) =>
        writeJson(path, value, { durability }),
  },
  'write-file-atomic': {
    version: '8.0.0',
    modes: ['full', 'off'],
    write:
      ({ default: write }, durability) =>
      (path, data) =>
        write(path, data, fsync(durability)),
    writeSync:
      ({ default: write }, durability) =>
      (path, data) =>
        write.sync(path, data, fsync(durability)),
  },
  atomically: {
    version: '2.1.1',
    modes: ['full', 'off'],
    write:
      ({ writeFile }, durability) =>
      (path, data) =>
        writeFile(path, data, fsync(durability)),
    writeSync:
      ({ writeFileSync: write }, durability) =>
      (path, data) =>
        write(path, data, fsync(durability)),
    stream:
      ({ writeFile }, durability) =>
      (path, source) =>
        writeFile(path, source, fsync(durability)),
  },
  steno: {
    version: '4.0.2',
    modes: ['off'],
    write:
      ({ Writer }, _, writer = kept((path) => new Writer(path))) =>
      (path, data) =>
        writer(path).write(data),
  },
  'fast-write-atomic': {
    version: '0.4.0',
    modes: ['full'],
    write:
      ({ default: write }) =>
      (path, data) =>
        write.promise(path, data),
  },
  'write-json-file': {
    version: '7.0.0',
    modes: ['full'],
    json:
      ({ writeJsonFile }) =>
      (path, value) =>
        writeJsonFile(path, value, { indent: undefined }),
    jsonSync:
      ({ writeJsonFileSync }) =>
      (path, value) =>
        writeJsonFileSync(path, value, { indent: undefined }),
  },
  'fs-write-stream-atomic': {
    version: '1.0.10',
    modes: ['off'],
    stream:
      ({ default: create }) =>
      (path, source) =>
        pipeline(source, create(path)),
    end:
      ({ default: create }) =>
      async (path, data) =>
        void (await once(create(path).end(data), 'finish')),
  },
  'node:fs': {
    builtin: true,
    modes: ['full', 'off'],
    write: (_, durability) => (path, data) => promises.writeFile(path, data, flush(durability)),
    writeSync: (_, durability) => (path, data) => writeFileSync(path, data, flush(durability)),
    stream: (_, durability) => (path, source) => pipeline(source, createWriteStream(path, flush(durability))),
  },
  'untorn, a plain write': {
    builtin: true,
    module: '../dist/index.mjs',
    modes: ['full', 'off'],
    update:
      ({ writeFile }, durability) =>
      (path, data) =>
        writeFile(path, data, { durability }),
  },
  'plain callbacks': {
    builtin: true,
    module: './prototype.js',
    modes: ['full', 'off'],
    write:
      ({ write }, durability) =>
      (path, data) =>
        write(path, data, { durable: durability !== 'off' }),
    writeSync:
      ({ writeSync }, durability) =>
      (path, data) =>
        writeSync(path, data, { durable: durability !== 'off' }),
    stream:
      ({ stream }, durability) =>
      (path, source) =>
        stream(path, source, { durable: durability !== 'off' }),
    json:
      ({ json }, durability) =>
      (path, value) =>
        json(path, value, { durable: durability !== 'off' }),
  },
  'JSON.stringify': {
    builtin: true,
    modes: ['full'],
    json: () => (_, value) => void JSON.stringify(value),
  },
};

/** The packages from npm. */
export const peers = Object.keys(contenders).filter((name) => contenders[name].version !== undefined);
