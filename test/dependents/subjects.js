// The dependents, one entry each, used in the ways that their documents show. It runs in the process that is killed.
//   open(file, load): the functions write(value) and read(), which gives the same value; prepare() comes before
//   each write, if what the dependent reads has to be there
//   `load` imports a package as the project has it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A file that no dependent writes, for those that read one. */
function put(path, text) {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** A store of settings that has get() and set(). */
const settings = (make) => async (file, load) => {
  const create = await make(file, load);
  const store = create();
  return {
    write: (value) => store.set('value', value),
    read: () => create().get('value'),
  };
};

const aside = (file, name) => {
  const folder = join(dirname(dirname(file)), 'aside');
  mkdirSync(folder, { recursive: true });
  return join(folder, name);
};

export const subjects = {
  conf: {
    peer: 'atomically',
    packages: { conf: '16.0.0' },
    open: settings(async (file, load) => {
      const { default: Conf } = await load('conf');
      return () => new Conf({ cwd: dirname(file), configName: basename(file, '.json') });
    }),
  },
  'electron-store': {
    peer: 'atomically',
    packages: { 'electron-store': '12.0.0' },
    open: settings(async (file, load) => {
      // Without Electron: its module is a stand-in that has no app, and the folder is given.
      const { default: Store } = await load('electron-store');
      return () => new Store({ cwd: dirname(file), name: basename(file, '.json') });
    }),
  },
  configstore: {
    peer: 'atomically',
    packages: { configstore: '8.0.0' },
    open: settings(async (file, load) => {
      const { default: Configstore } = await load('configstore');
      return () => new Configstore('settings', undefined, { configPath: file });
    }),
  },
  lowdb: {
    peer: 'steno',
    packages: { lowdb: '7.0.1' },
    async open(file, load) {
      const { JSONFilePreset } = await load('lowdb/node');
      const database = await JSONFilePreset(file, {});
      return {
        async write(value) {
          database.data = value;
          await database.write();
        },
        read: async () => (await JSONFilePreset(file, {})).data,
      };
    },
  },
  'write-json-file': {
    peer: 'write-file-atomic',
    packages: { 'write-json-file': '7.0.0' },
    async open(file, load) {
      const { writeJsonFile } = await load('write-json-file');
      return { write: (value) => writeJsonFile(file, value), read: () => JSON.parse(readFileSync(file, 'utf8')) };
    },
  },
  'write-yaml-file': {
    peer: 'write-file-atomic',
    packages: { 'write-yaml-file': '6.0.0', 'read-yaml-file': '3.0.0' },
    async open(file, load) {
      const { writeYamlFile } = await load('write-yaml-file');
      const { readYamlFile } = await load('read-yaml-file');
      return { write: (value) => writeYamlFile(file, value), read: () => readYamlFile(file) };
    },
  },
  '@jest/transform': {
    peer: 'write-file-atomic',
    packages: { '@jest/transform': '30.5.2', 'jest-config': '30.5.2' },
    async open(file, load) {
      const { createScriptTransformer } = await load('@jest/transform');
      const { readConfig } = await load('jest-config');
      const source = aside(file, 'source.js');
      const transformer = aside(file, 'transformer.cjs');
      put(transformer, 'exports.process = (code) => ({ code: code.replace("given", "cached") });\n');
      put(aside(file, 'package.json'), '{}\n');
      const cached = async () => {
        // The cache has a file for each content.
        const { projectConfig } = await readConfig(
          { _: [], $0: '', cacheDirectory: dirname(file), transform: JSON.stringify({ '\\.js$': transformer }) },
          dirname(source),
        );
        const { code } = (await createScriptTransformer(projectConfig)).transform(source, {});
        return JSON.parse(code.replace('/* cached */', ''));
      };
      return {
        prepare: (value) => put(source, `/* given */${JSON.stringify(value)}`),
        write: cached,
        read: cached,
      };
    },
  },
  stylelint: {
    peer: 'write-file-atomic',
    packages: { stylelint: '18.1.0' },
    async open(file, load) {
      const { default: stylelint } = await load('stylelint');
      const config = { rules: { 'color-hex-length': 'short' } };
      return {
        prepare: (value) => put(file, `/* ${JSON.stringify(value)} */\na { color: #ffffff }\n/* end */\n`),
        async write() {
          const { report } = await stylelint.lint({ files: [file], fix: true, config });
          if (JSON.parse(report).some(({ errored }) => errored)) throw new Error(report);
        },
        read() {
          const [, value] = /^\/\* (.*) \*\/\na \{ color: #f{3,6} \}\n\/\* end \*\/\n$/.exec(
            readFileSync(file, 'utf8'),
          );
          return JSON.parse(value);
        },
      };
    },
  },
  'copy-concurrently': {
    peer: 'fs-write-stream-atomic',
    packages: { 'copy-concurrently': '1.0.5' },
    async open(file, load) {
      const { default: copy } = await load('copy-concurrently');
      const source = aside(file, 'source');
      return {
        prepare: (value) => put(source, JSON.stringify(value)),
        write: () => copy.file(source, file, {}),
        read: () => JSON.parse(readFileSync(file, 'utf8')),
      };
    },
  },
};

const textOf = (generation, size) => `generation ${generation} `.repeat(size).slice(0, size);

/** The content of a generation, with a text of this many bytes. */
export const valueOf = (generation, size) => ({ generation, size, text: textOf(generation, size) });

/** Whether a value is what was written as its generation. */
export function isWhole(value) {
  const { generation, size, text } = value ?? {};
  return typeof text === 'string' && size > 0 && text === textOf(generation, size);
}
