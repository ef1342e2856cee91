import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isWithoutHardLinks, replaceFile, requireFile, syncFolder, takeName } from '../../../lib/files/place-file.ts';
import { specialFiles } from '../../support/special-files.ts';

let folder: string;
let path: string;
let temporary: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'igpt-place-'));
  path = join(folder, 'file');
  temporary = join(folder, 'temporary');
  await writeFile(temporary, 'new');
});
afterEach(() => rm(folder, { recursive: true }));

describe('takeName', () => {
  test('takes a free name, and leaves a taken one', async () => {
    expect(await takeName(temporary, path)).toBe(true);
    expect(await readFile(path, 'utf8')).toBe('new');
    await writeFile(temporary, 'newer');
    expect(await takeName(temporary, join(folder, 'other'))).toBe(true);
    expect(await takeName(temporary, path)).toBe(false);
  });

  test('does the same on a file system without hard links', async () => {
    vi.resetModules();
    vi.doMock('node:fs/promises', async (original) => ({
      ...(await original<typeof import('node:fs/promises')>()),
      link: () => Promise.reject(Object.assign(new Error('link'), { code: 'EPERM' })),
    }));
    const { takeName: take } = await import('../../../lib/files/place-file.ts');
    vi.doUnmock('node:fs/promises');
    vi.resetModules();

    expect(await take(temporary, path)).toBe(true);
    await writeFile(temporary, 'newer');
    expect(await take(temporary, path)).toBe(false);
    expect(await readFile(path, 'utf8')).toBe('new');
  });

  test('throws other errors', async () => {
    await expect(takeName(temporary, join(folder, 'no', 'file'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(isWithoutHardLinks(Object.assign(new Error('full'), { code: 'ENOSPC' }))).toBe(false);
  });
});

describe('replaceFile', () => {
  test('replaces a file, and a link without following it', async () => {
    await writeFile(path, 'old');
    await replaceFile(temporary, path);
    expect(await readFile(path, 'utf8')).toBe('new');

    await writeFile(temporary, 'newer');
    await symlink(path, join(folder, 'link'));
    await replaceFile(temporary, join(folder, 'link'));
    expect([await readFile(path, 'utf8'), (await lstat(join(folder, 'link'))).isFile()]).toEqual(['new', true]);
  });

  test.skipIf(process.platform === 'win32').each(specialFiles.filter(([name]) => !name.includes('link')))(
    'leaves %s in its place',
    async (name, make) => {
      make(path);
      await expect(replaceFile(temporary, path)).rejects.toThrow(`received ${name}; remove it`);
      expect((await readdir(folder)).sort()).toEqual(['file', 'temporary']);
    },
  );
});

test.skipIf(process.platform === 'win32').each(specialFiles)('requireFile refuses %s', async (_, make) => {
  make(path);
  await expect(requireFile(path)).rejects.toMatchObject({ code: 'not_a_file' });
  await expect(requireFile(temporary)).resolves.toBeUndefined();
});

test('syncFolder takes folders only', async () => {
  await expect(syncFolder(folder)).resolves.toBeUndefined();
  await expect(syncFolder(temporary)).rejects.toMatchObject({ code: 'ENOTDIR' });
});
