import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeDirectory } from '../../../lib/local/make-directory.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'igpt-make-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('makes a directory and those around it, however many do so at once', async () => {
  const path = join(folder, 'a/b/c');
  await Promise.all([makeDirectory(path), makeDirectory(path), makeDirectory(join(folder, 'a/d'))]);

  expect((await stat(path)).isDirectory()).toBe(true);
});

test('is content with one that is there, the root too', async () => {
  await makeDirectory(folder);
  await makeDirectory('/');
});

test('throws what the system says of the first one that cannot be made', async () => {
  await writeFile(join(folder, 'file'), '');
  await symlink('nowhere', join(folder, 'dangling'));

  await expect(makeDirectory(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeDirectory(join(folder, 'file/a/b'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(makeDirectory(join(folder, 'dangling/a'))).rejects.toMatchObject({ code: 'EEXIST' });
});

test.skipIf(process.platform !== 'linux')('ends where no directory can be made at all', async () => {
  await expect(makeDirectory('/proc/igpt/deep')).rejects.toMatchObject({ code: 'ENOENT', path: '/proc/igpt' });
});
