/** The formats of examples/formats: what they keep, and that no value is lost for it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync as plainWrite } from 'node:fs';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import {
  JsonError,
  readJson,
  transaction,
  updateJson,
  updateJsonSync,
  writeJson,
  type AnyFormat,
  type BinaryFormat,
  type Format,
} from 'untorn';
import { scratch } from '../support/scratch.ts';

async function example(file: string): Promise<Record<string, unknown>> {
  const url = new URL(`../../../examples/formats/${file}.js`, import.meta.url);
  return (await import(url.href)) as Record<string, unknown>;
}

type Settings = Record<string, unknown>;

const jsonc = (await example('jsonc'))['jsonc'] as Format<Settings>;
const yaml = (await example('yaml'))['yaml'] as Format<Settings>;
const toml = (await example('toml'))['toml'] as Format<Settings>;
const ini = (await example('ini'))['ini'] as Format<Settings>;
const encrypted = (await example('encrypted'))['encrypted'] as (key: Buffer, inner?: Format) => BinaryFormat<Settings>;
const compressed = (await example('compressed'))['compressed'] as (inner?: Format) => BinaryFormat<Settings>;

/** A file before and after its update, and a damaged one. */
const texts: readonly {
  name: string;
  format: Format<Settings>;
  before: string;
  change: (old: Settings) => Settings;
  after: string;
  damaged: string;
  line: number;
}[] = [
  {
    name: 'JSON with comments',
    format: jsonc,
    before: `{
    // the first
    "theme": "dark", // kept
    "list": [
        1, // one
        2 // two
    ],
    "gone": true,
}
`,
    change: ({ gone, ...old }) => ({ ...old, theme: 'light', list: [1, 2, 3], count: Number(gone) }),
    after: `{
    // the first
    "theme": "light", // kept
    "list": [
        1, // one
        2,
        3 // two
    ],
    "count": 1,
}
`,
    damaged: '{\n  "theme": \n}',
    line: 3,
  },
  {
    name: 'YAML',
    format: yaml,
    before: `# the first
theme: dark # kept

# a list
list:
  - name: one # 1
  - name: two # 2
gone: true
`,
    change: ({ gone, list, ...old }) => ({
      ...old,
      theme: 'light',
      list: (list as unknown[]).slice(1),
      count: Number(gone),
    }),
    after: `# the first
theme: light # kept

# a list
list:
  - name: two # 2
count: 1
`,
    damaged: 'theme: dark\nlist: [1\n',
    line: 3,
  },
  {
    name: 'TOML',
    format: toml,
    before: `# the first
theme = "dark" # kept

[server]
# a port
port = 0x1F90
host = "here"
`,
    change: (old) => ({ ...old, theme: 'light', server: { ...(old['server'] as object), host: 'there' } }),
    after: `# the first
theme = "light" # kept

[server]
# a port
port = 0x1F90
host = "there"
`,
    damaged: 'theme = "dark"\nlist = [1\n',
    line: 2,
  },
  {
    name: 'INI',
    format: ini,
    before: `; the first
theme = dark

[server]
# a port
port=8080
host=here
`,
    change: (old) => ({ ...old, theme: 'light', server: { ...(old['server'] as object), host: 'there', name: 'a' } }),
    after: `; the first
theme=light

[server]
# a port
port=8080
host=there
name=a
`,
    damaged: '',
    line: 0,
  },
];

describe('examples/formats', () => {
  const here = scratch();

  for (const { name, format, before, change, after, damaged, line } of texts) {
    it(`keep the comments and the order of ${name}`, async () => {
      plainWrite(here.at('file'), before);
      await updateJson(here.at('file'), change, { format, initial: {} });
      assert.equal(here.text('file'), after);
      updateJsonSync(here.at('file'), (old) => ({ ...old }), { format, initial: {} });
      await writeJson(here.at('file'), await readJson(here.at('file'), { format }), { format });
      await transaction(async (tx) => {
        await tx.writeJson(here.at('file'), await tx.readJson(here.at('file'), { format }), { format });
      });
      assert.equal(here.text('file'), after);
      plainWrite(here.at('windows'), before.replaceAll('\n', '\r\n'));
      await updateJson(here.at('windows'), change, { format, initial: {} });
      assert.equal(here.text('windows'), after.replaceAll('\n', '\r\n'));
    });

    it(`write a new file of ${name}, and over a damaged one`, async () => {
      const value = { theme: 'dark', server: { port: '8080' } };
      await writeJson(here.at('new'), value, { format });
      assert.deepEqual(structuredClone(await readJson(here.at('new'), { format })), value);
      if (damaged === '') return; // INI takes everything.
      plainWrite(here.at('file'), damaged);
      await assert.rejects(readJson(here.at('file'), { format }), (error: JsonError) => {
        assert.deepEqual([error.code, error.line], ['ERR_UNTORN_JSON_SYNTAX', line]);
        return JsonError.isJsonError(error);
      });
      await writeJson(here.at('file'), value, { format });
      assert.deepEqual(structuredClone(await readJson(here.at('file'), { format })), value);
    });
  }

  for (const [name, format] of [
    ['JSON with comments', jsonc],
    ['YAML', yaml],
  ] as const)
    it(`lose no value of ${name} for a comment`, () => {
      const all = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: true });
      const value = all.filter((one) => format !== jsonc || !JSON.stringify(one).includes('"__proto__":'));
      fc.assert(
        fc.property(value, value, (old, next) => {
          const text = format.stringify(next, format.stringify(old, undefined));
          // -0 is 0 in JSON, and not in YAML.
          assert.equal(JSON.stringify(sorted(format.parse(text))), JSON.stringify(sorted(next)));
        }),
      );
    });

  it('refuse what the library for JSON with comments would lose', () => {
    const text = '{"__proto__": []}';
    assert.throws(() => void jsonc.parse(text), /"__proto__" cannot be kept/);
    assert.throws(() => void jsonc.stringify(JSON.parse(text), undefined), TypeError);
    assert.throws(() => void jsonc.stringify(JSON.parse(text), '{}'), TypeError);
  });

  it('lose no value of INI for a comment', () => {
    const word = fc.stringMatching(/^[a-z]{1,3}$/);
    const values = fc.oneof(word, fc.array(word, { minLength: 1, maxLength: 3 }));
    const value = fc.dictionary(word, fc.oneof(values, fc.dictionary(word, values, { minKeys: 1 })));
    fc.assert(
      fc.property(value, value, (old, next) => {
        const plain = ini.stringify(next, undefined);
        assert.deepEqual(ini.parse(ini.stringify(next, `; first\n${ini.stringify(old, undefined)}`)), ini.parse(plain));
      }),
    );
  });

  it('encrypt a file, its backup and what is between', async () => {
    const key = randomBytes(32);
    const options = { format: encrypted(key), backup: 'simple' } as const;
    const count = (old: Settings): Settings => ({ secret: 'open sesame', count: Number(old['count'] ?? 0) + 1 });
    for (let times = 0; times < 3; times++) await updateJson(here.at('file'), count, { ...options, initial: {} });
    assert.deepEqual(await readJson(here.at('file'), { format: options.format }), {
      secret: 'open sesame',
      count: 3,
    });
    assert.deepEqual(here.names(), ['file', 'file~']);
    for (const name of here.names()) assert.equal(readFileSync(here.at(name)).includes('sesame'), false);
    await assertDamaged(here.at('file'), encrypted(randomBytes(32)));
    const bytes = readFileSync(here.at('file'));
    for (const at of [0, 1, 13, 29, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 1;
      plainWrite(here.at('changed'), changed);
      await assertDamaged(here.at('changed'), options.format);
    }
    await assert.rejects(writeJson(here.at('file'), {}, { format: encrypted(randomBytes(32)) }));
    assert.deepEqual(readFileSync(here.at('file')), bytes);
    plainWrite(here.at('file'), bytes.subarray(0, 40));
    const { recovery } = await updateJson(here.at('file'), count, {
      ...options,
      initial: {},
      recover: 'backup',
      onRecover: () => undefined,
    });
    assert.equal(recovery?.backupPath, here.at('file~'));
    assert.deepEqual(await readJson(here.at('file'), { format: options.format }), { secret: 'open sesame', count: 3 });
  });

  it('encrypt YAML, and keep its comments', async () => {
    const commented: Format = { parse: String, stringify: () => '# why\na: 1\n' };
    const key = randomBytes(32);
    await writeJson(here.at('file'), {}, { format: encrypted(key, commented) });
    await updateJson(here.at('file'), (old) => ({ ...old, b: 2 }), { format: encrypted(key, yaml), initial: {} });
    const text: Format = { parse: (content) => content, stringify: String };
    assert.equal(await readJson(here.at('file'), { format: encrypted(key, text) as AnyFormat }), '# why\na: 1\nb: 2\n');
  });

  it('compress a file', async () => {
    const value = { list: Array.from({ length: 1000 }, (_, index) => `item ${index % 10}`) };
    const { bytes } = await writeJson(here.at('file.gz'), value, { format: compressed() });
    assert.ok(bytes < JSON.stringify(value).length / 10);
    assert.equal(gunzipSync(readFileSync(here.at('file.gz'))).toString(), JSON.stringify(value));
    assert.deepEqual(await readJson(here.at('file.gz'), { format: compressed() }), value);
    plainWrite(here.at('file.gz'), readFileSync(here.at('file.gz')).subarray(0, -1));
    await assertDamaged(here.at('file.gz'), compressed());
    await writeJson(here.at('file.gz'), value, { format: compressed() });
    assert.deepEqual(await readJson(here.at('file.gz'), { format: compressed() }), value);
  });
});

/** The same value with its keys in one order: a new one stands behind those that were there. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, part]) => [key, sorted(part)]),
  );
}

async function assertDamaged(path: string, format: AnyFormat): Promise<void> {
  await assert.rejects(readJson(path, { format }), { code: 'ERR_UNTORN_JSON_SYNTAX' });
}
