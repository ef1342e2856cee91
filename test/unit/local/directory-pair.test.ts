import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkDirectoryPair } from '../../../lib/local/directory-pair.ts';
import { UsageError } from '../../../lib/ports/error.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'igpt-directories-')));
  mkdirSync(join(folder, 'pictures', 'holiday'), { recursive: true });
  writeFileSync(join(folder, 'file'), '');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('accepts sibling directories, also if one name begins with the other', async () => {
  expect(await checkDirectoryPair(join(folder, 'pictures'), join(folder, 'pictures-out', 'new'))).toEqual({
    input: join(folder, 'pictures'),
    output: join(folder, 'pictures-out', 'new'),
  });
  expect(await checkDirectoryPair(join(folder, 'pictures'), join(folder, '..out'))).toMatchObject({
    output: join(folder, '..out'),
  });
});

test.each([
  ['pictures', 'pictures'],
  ['pictures', 'pictures/igpt-out'],
  ['pictures', 'pictures/holiday/deep/er'],
  ['pictures', 'pictures/..out'],
])('refuses outcomes of %s in %s', async (dir, out) => {
  await expect(checkDirectoryPair(join(folder, dir), join(folder, out))).rejects.toThrow('lies inside');
});

test('refuses pictures inside the outcomes', async () => {
  await expect(checkDirectoryPair(join(folder, 'pictures'), folder)).rejects.toThrow(UsageError);
});

test('resolves symbolic links', async () => {
  symlinkSync(join(folder, 'pictures'), join(folder, 'link'));

  await expect(checkDirectoryPair(join(folder, 'pictures'), join(folder, 'link', 'new'))).rejects.toThrow(
    'lies inside',
  );
  await expect(checkDirectoryPair(join(folder, 'link', 'holiday'), join(folder, 'pictures'))).rejects.toThrow(
    'lies inside',
  );
});

test('refuses an empty --out', async () => {
  await expect(checkDirectoryPair(join(folder, 'pictures'), '')).rejects.toThrow('received an empty name');
});

test('names what it received instead of a directory', async () => {
  await expect(checkDirectoryPair(join(folder, 'missing'), join(folder, 'out'))).rejects.toThrow(
    'there is nothing of that name',
  );
  await expect(checkDirectoryPair(join(folder, 'file'), join(folder, 'out'))).rejects.toThrow('received a file');
  await expect(checkDirectoryPair(join(folder, 'pictures'), join(folder, 'file'))).rejects.toThrow('received a file');
});

test('reports a folder that may not be searched', async () => {
  chmodSync(folder, 0o755);
  chmodSync(join(folder, 'pictures'), 0);
  // Root may search everything, so the test runs as another user meanwhile.
  const user = process.geteuid?.();
  if (user === 0) process.seteuid?.('nobody');
  try {
    await expect(checkDirectoryPair(join(folder, 'pictures', 'holiday'), join(folder, 'out'))).rejects.toThrow(
      'a folder of its path may not be searched (EACCES)',
    );
  } finally {
    if (user === 0) process.seteuid?.(user);
    chmodSync(join(folder, 'pictures'), 0o700);
  }
});

test('reports a loop of links', async () => {
  symlinkSync('circle', join(folder, 'circle'));

  await expect(checkDirectoryPair(join(folder, 'circle'), join(folder, 'out'))).rejects.toThrow(
    'the system said ELOOP',
  );
});
