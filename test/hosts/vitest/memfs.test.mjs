import { test, vi } from 'vitest';
import * as untorn from 'untorn';
import scenario from './scenario.cjs';

vi.mock('node:fs', async () => (await import('memfs')).fs);
vi.mock('node:fs/promises', async () => (await import('memfs')).fs.promises);

test('the package writes real files where the program has a file system in memory', () => scenario(untorn));
