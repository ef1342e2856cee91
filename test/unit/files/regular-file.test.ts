import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createFile,
  kindOf,
  NotRegularFileError,
  openRegularFile,
  readRegularFile,
  readTextFile,
} from '../../../lib/files/regular-file.ts';
import { socketAt, specialFiles } from '../../support/special-files.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'igpt-door-'));
  path = join(folder, 'file');
});
afterEach(() => rm(folder, { recursive: true }));

const uses = ['read', 'update', 'append', 'replace'] as const;

describe.skipIf(process.platform === 'win32').each(specialFiles)('%s', (name, make) => {
  test('is refused at once in every use, and stays', async () => {
    make(path);
    const before = await stat(path);
    for (const use of uses) await expect(openRegularFile(path, use)).rejects.toBeInstanceOf(NotRegularFileError);
    await expect(readRegularFile(path)).rejects.toThrow(/^Expected ".*file" to be a file, received .*; remove it\.$/);
    expect(kindOf(await stat(path))).toBe(name.replace('link to a ', ''));
    expect((await stat(path)).ino).toBe(before.ino);
  });

  test('is not in the way of a new file without an error', async () => {
    make(path);
    await expect(createFile(path, 'new')).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

test.skipIf(process.platform === 'win32')('a socket is refused in every use', async () => {
  const server = await socketAt(path);
  for (const use of uses) await expect(openRegularFile(path, use)).rejects.toMatchObject({ code: 'not_a_file' });
  expect(kindOf(await stat(path))).toBe('a socket');
  server.close();
});

test('a file, or a link to one, is read, appended to, updated and replaced', async () => {
  await writeFile(path, 'one');
  await symlink(path, join(folder, 'link'));
  expect(await readTextFile(join(folder, 'link'))).toBe('one');
  {
    await using file = await openRegularFile(path, 'append');
    await file.writeFile(', two');
  }
  {
    await using file = await openRegularFile(path, 'update');
    await file.write('O', 0);
  }
  expect(await readFile(path, 'utf8')).toBe('One, two');
  await (await openRegularFile(path, 'replace')).close();
  expect(await readFile(path, 'utf8')).toBe('');
});

test('a new file is created whole; one that is there keeps its content', async () => {
  await createFile(path, 'first');
  await expect(createFile(path, 'second')).rejects.toMatchObject({ code: 'EEXIST' });
  expect(await readTextFile(path)).toBe('first');
});

test('a missing file is an error of the system', async () => {
  await expect(readTextFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
});
