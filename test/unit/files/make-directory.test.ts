import { mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeDirectory } from '../../../lib/files/make-directory.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'igpt-make-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('creates a directory and its parents, also if several callers do so at once', async () => {
  const path = join(folder, 'a/b/c');
  await Promise.all([makeDirectory(path), makeDirectory(path), makeDirectory(join(folder, 'a/d'))]);

  expect((await stat(path)).isDirectory()).toBe(true);
});

test('accepts an existing directory, also the root', async () => {
  await writeFile(join(folder, 'file'), 'kept');

  await makeDirectory(folder);
  await makeDirectory('/');

  expect(await readdir(folder)).toEqual(['file']);
});

test('throws the system’s reason for the first directory that cannot be created', async () => {
  await writeFile(join(folder, 'file'), '');
  await symlink('nowhere', join(folder, 'dangling'));

  await expect(makeDirectory(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeDirectory(join(folder, 'file/a/b'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(makeDirectory(join(folder, 'dangling/a'))).rejects.toMatchObject({ code: 'EEXIST' });
});

test.skipIf(process.platform !== 'linux')('ends on a file system without new directories', async () => {
  await expect(makeDirectory('/proc/igpt/deep')).rejects.toMatchObject({ code: 'ENOENT', path: '/proc/igpt' });
});
