import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync as plainWrite, mkdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  JsonError,
  readJsonSync,
  unchanged,
  updateJson,
  updateJsonSync,
  WriteError,
  writeJsonSync,
  type Recovery,
  type StandardSchema,
  type UpdateJsonInfo,
  type UpdateJsonOptions,
  type UpdateJsonResult,
} from 'untorn';
import { run } from '../support/child.ts';
import { scratch } from '../support/scratch.ts';

interface Counting {
  count: number;
}

const apis = [
  {
    name: 'updateJson()',
    update: (path: string, change: (value: Counting, info: UpdateJsonInfo) => unknown, options?: UpdateJsonOptions) =>
      updateJson(path, change as never, options) as Promise<UpdateJsonResult>,
  },
  {
    name: 'updateJsonSync()',
    update: async (
      path: string,
      change: (value: Counting, info: UpdateJsonInfo) => unknown,
      options?: UpdateJsonOptions,
    ) => updateJsonSync(path, change as never, options) as UpdateJsonResult,
  },
] as const;

const positive: StandardSchema<{ count?: number }, Counting> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      (value as Counting).count < 0
        ? { issues: [{ message: 'must not be negative' }] }
        : { value: { count: 0, ...(value as object) } },
  },
};

const more = (value: Counting): Counting => ({ ...value, count: value.count + 1 });

for (const { name, update } of apis) {
  describe(name, () => {
    const here = scratch();

    it('replaces a value by what is made of it, and keeps the layout of the file', async () => {
      plainWrite(here.at('file'), '{\r\n\t"count": 1,\r\n\t"other": []\r\n}');
      const { value, recovery, bytes, replaced } = await update(here.at('file'), more);
      assert.equal(here.text('file'), '{\r\n\t"count": 2,\r\n\t"other": []\r\n}');
      assert.deepEqual(
        [value, recovery, bytes, replaced],
        [{ count: 2, other: [] }, undefined, here.text('file').length, true],
      );
      await update(here.at('file'), more, { indent: 0 });
      assert.equal(here.text('file'), '{"count":3,"other":[]}\n');
    });

    it('begins with the initial value where there is no file, which no two calls share', async () => {
      const initial = { count: 0, list: [] as number[] };
      for (const path of ['one', 'other']) {
        const { value, replaced } = await update(
          here.at(path),
          (state) => ((state as typeof initial).list.push(1), more(state)),
          { initial },
        );
        assert.deepEqual([value, replaced], [{ count: 1, list: [1] }, false]);
      }
      assert.deepEqual([initial, here.text('one')], [{ count: 0, list: [] }, '{"count":1,"list":[1]}\n']);
      await update(here.at('third'), (value, { version }) => ({ value: String(value), version }));
      assert.deepEqual(readJsonSync(here.at('third')), { value: 'undefined', version: 'absent' });
    });

    it('leaves the file as it is for `unchanged`, an error, and what is no JSON', async () => {
      plainWrite(here.at('file'), '{"count": 1}');
      const { value, unchanged: isUnchanged } = await update(here.at('file'), () => unchanged);
      assert.deepEqual([value, isUnchanged], [{ count: 1 }, true]);
      const own = new Error('own');
      await assert.rejects(
        update(here.at('file'), () => {
          throw own;
        }),
        own,
      );
      await assert.rejects(
        update(here.at('file'), (state) => void state.count++),
        { name: 'TypeError', code: 'ERR_INVALID_RETURN_VALUE' },
      );
      await assert.rejects(
        update(here.at('file'), () => ({ count: Number.NaN })),
        { name: 'TypeError', message: '"value.count" is NaN, which JSON cannot hold' },
      );
      await assert.rejects(update(here.at('file'), 1 as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
      assert.deepEqual([here.text('file'), here.names()], ['{"count": 1}', ['file']]);
    });

    it('validates what it reads and what it writes', async () => {
      plainWrite(here.at('file'), '{}');
      await update(here.at('file'), more, { schema: positive });
      assert.equal(here.text('file'), '{"count":1}');
      const refused = (error: unknown): boolean =>
        JsonError.isJsonError(error) &&
        error.code === 'ERR_UNTORN_JSON_SCHEMA' &&
        error.issues[0]?.message === 'must not be negative';
      await assert.rejects(
        update(here.at('file'), () => ({ count: -1 }), { schema: positive }),
        refused,
      );
      assert.equal(here.text('file'), '{"count":1}');
      plainWrite(here.at('file'), '{"count":-1}');
      await assert.rejects(update(here.at('file'), more, { schema: positive, recover: 'backup' }), refused);
      assert.deepEqual(here.names(), ['file']);
    });

    it('takes no damaged file for a missing one', async () => {
      for (const text of ['', '{"count": 1', '\0\0\0\0']) {
        plainWrite(here.at('file'), text);
        await assert.rejects(update(here.at('file'), more, { initial: { count: 0 } }), {
          code: 'ERR_UNTORN_JSON_SYNTAX',
        });
        await assert.rejects(update(here.at('file'), more, { initial: { count: 0 }, recover: 'backup' }), {
          code: 'ERR_UNTORN_JSON_SYNTAX',
        });
        assert.deepEqual([here.text('file'), here.names()], [text, ['file']]);
      }
    });

    it('goes on with the newest good backup, and keeps the damaged file and that backup', async () => {
      const heard: Recovery[] = [];
      const options = {
        backup: 'simple',
        recover: 'backup',
        onRecover: (recovery: Recovery) => heard.push(recovery),
      } as const;
      for (const count of [1, 2]) writeJsonSync(here.at('file'), { count }, { backup: 'simple', indent: 1 });
      for (const [damaged, kept] of [
        ['{"cou', 'file.damaged'],
        ['', 'file.damaged-2'],
      ] as const) {
        plainWrite(here.at('file'), damaged);
        let told: Recovery | undefined;
        const result = await update(
          here.at('file'),
          (value, { recovery }) => ((told = recovery), more(value)),
          options,
        );
        assert.deepEqual([result.value, result.recovery, result.backupPath], [{ count: 2 }, told, here.at(kept)]);
        assert.deepEqual([told?.path, told?.backupPath], [here.at('file'), here.at('file~')]);
        assert.deepEqual(
          [here.text('file'), here.text('file~'), here.text(kept)],
          ['{\n "count": 2\n}\n', '{\n "count": 1\n}\n', damaged],
        );
      }
      assert.equal(heard.length, 2);
      const { recovery, backupPath } = await update(here.at('file'), more, options);
      assert.deepEqual(
        [recovery, backupPath, here.text('file~')],
        [undefined, here.at('file~'), '{\n "count": 2\n}\n'],
      );
      assert.deepEqual(here.names(), ['file', 'file.damaged', 'file.damaged-2', 'file~']);
    });

    it('finds the backup that it makes under a path of its own, also through a link', async () => {
      mkdirSync(here.at('real'));
      symlinkSync('real/file', here.at('link'));
      const options: UpdateJsonOptions = {
        backup: here.at('kept'),
        recover: 'backup',
        onRecover: () => undefined,
        initial: { count: 0 },
      };
      for (let times = 0; times < 3; times++) await update(here.at('link'), more, options);
      plainWrite(here.at('real/file'), '');
      const { value, backupPath } = await update(here.at('link'), more, options);
      assert.deepEqual(
        [value, backupPath, here.text('kept')],
        [{ count: 3 }, here.at('real/file.damaged'), '{"count":2}\n'],
      );
    });

    it('takes the options of every write', async () => {
      plainWrite(here.at('file'), '{"count":1}\n');
      const { backupPath, unchanged: isUnchanged } = await update(here.at('file'), (value) => value, {
        backup: { numbered: 1 },
        ifUnchanged: 'skip',
      });
      assert.deepEqual([backupPath, isUnchanged], [undefined, true]);
      await assert.rejects(
        update(here.at('file'), more, { ifMatch: 'absent' }),
        (error) => WriteError.isWriteError(error) && error.code === 'ERR_VERSION_CONFLICT',
      );
      await assert.rejects(update(here.at('file'), more, { indents: 1 } as never), {
        message: '"options.indents" is not an option',
      });
    });
  });
}

describe('updateJson()', () => {
  const here = scratch();

  it('loses no update of many at once, of several processes (G8)', async () => {
    const code = `
      import { updateJson, updateJsonSync } from 'untorn';
      const more = (state) => ({ count: state.count + 1 });
      const options = { initial: { count: 0 }, durability: 'off' };
      for (let times = 0; times < 20; times++) updateJsonSync(process.argv[1], more, options);
      await Promise.all(Array.from({ length: 20 }, () => updateJson(process.argv[1], more, options)));
    `;
    const ends = await Promise.all([1, 2, 3].map(() => run(code, [here.at('file')])));
    for (const { status, stderr } of ends) assert.equal(status, 0, stderr);
    assert.deepEqual([JSON.parse(readFileSync(here.at('file'), 'utf8')), here.names()], [{ count: 120 }, ['file']]);
  });

  it('gives what a schema makes of it, or undefined where there is no file, and is typed so', async () => {
    const theme: StandardSchema<{ theme?: string }, { theme: string }> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => ({ value: { theme: 'dark', ...(value as object) } }),
      },
    };
    const added = await updateJson(
      here.at('file'),
      (settings) => ({ theme: settings === undefined ? 'none' : settings.theme.toUpperCase() }),
      { schema: theme },
    );
    const shouted = updateJsonSync(
      here.at('file'),
      (settings) => ({ theme: settings === undefined ? 'none' : settings.theme.toUpperCase() }),
      { schema: theme },
    );
    assert.deepEqual([added.value.theme, shouted.value.theme], ['none', 'NONE']);
  });

  it('waits for an asynchronous update and an asynchronous schema', async () => {
    const schema: StandardSchema<Counting> = {
      '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value: value as Counting }) },
    };
    const { value } = await updateJson(here.at('file'), async ({ count }) => ({ count: count + 1 }), {
      initial: { count: 1 },
      schema,
    });
    assert.deepEqual(value, { count: 2 });
    assert.throws(() => updateJsonSync(here.at('file'), more, { initial: { count: 1 }, schema }), {
      name: 'TypeError',
      message: '"options.schema" validates asynchronously, which a synchronous call cannot wait for',
    });
    assert.throws(() => updateJsonSync(here.at('file'), (async () => ({ count: 1 })) as never), {
      name: 'TypeError',
      code: 'ERR_INVALID_RETURN_VALUE',
    });
    assert.equal(here.text('file'), '{"count":2}\n');
  });
});
