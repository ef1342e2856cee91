import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkOutputPath, openOutputFile } from '../../../lib/local/output-file.ts';
import { UsageError } from '../../../lib/ports/error.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'igpt-output-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('checkOutputPath', () => {
  test('returns the extension in lower case', () => {
    expect(checkOutputPath('--out', join(folder, 'grid.PNG'), ['.png', '.npy'], false)).toBe('.png');
  });

  test.each(['grid.jpg', 'grid', '.png'])('refuses the name %s', (name) => {
    expect(() => checkOutputPath('--out', join(folder, name), ['.png', '.npy'], false)).toThrow(UsageError);
  });

  test('refuses a missing folder', () => {
    expect(() => checkOutputPath('--out', join(folder, 'missing', 'a.npy'), ['.npy'], false)).toThrow(
      'expected an existing folder',
    );
  });

  test('refuses a taken name, unless forced', () => {
    const path = join(folder, 'a.npy');
    writeFileSync(path, 'old');

    expect(() => checkOutputPath('--out', path, ['.npy'], false)).toThrow('this file exists; add --force');
    expect(checkOutputPath('--out', path, ['.npy'], true)).toBe('.npy');
  });

  test('refuses a folder, even if forced', () => {
    expect(() => checkOutputPath('--out', join(folder, '..', `${folder}`), [''], true)).toThrow(UsageError);
  });
});

describe('openOutputFile', () => {
  test('names the file only when it is complete', async () => {
    const path = join(folder, 'a.npy');
    const file = await openOutputFile(path, false);
    await file.write(Buffer.from('first '));
    expect(readdirSync(folder)).not.toContain('a.npy');
    await file.write(Buffer.from('second'));
    await file.commit();

    expect(readFileSync(path, 'utf8')).toBe('first second');
    expect(readdirSync(folder)).toEqual(['a.npy']);
  });

  test('leaves nothing behind when discarded', async () => {
    const file = await openOutputFile(join(folder, 'a.npy'), false);
    await file.write(Buffer.from('half'));
    await file.discard();

    expect(readdirSync(folder)).toEqual([]);
  });

  test('does not replace a file that was created meanwhile', async () => {
    const path = join(folder, 'a.npy');
    const file = await openOutputFile(path, false);
    writeFileSync(path, 'theirs');

    await expect(file.commit()).rejects.toMatchObject({ code: 'output_exists' });
    await file.discard();
    expect(readFileSync(path, 'utf8')).toBe('theirs');
    expect(readdirSync(folder)).toEqual(['a.npy']);
  });

  test('reports that the last step failed, and leaves nothing behind', async () => {
    const path = join(folder, 'a.npy');
    const file = await openOutputFile(path, true);
    mkdirSync(path);

    await expect(file.commit()).rejects.toMatchObject({
      code: 'not_a_file',
      message: expect.stringContaining('received a folder'),
    });
    await file.discard();
    expect(readdirSync(folder)).toEqual(['a.npy']);
  });

  test('replaces a file if forced', async () => {
    const path = join(folder, 'a.npy');
    writeFileSync(path, 'old');
    const file = await openOutputFile(path, true);
    await file.write(Buffer.from('new'));
    await file.commit();

    expect(readFileSync(path, 'utf8')).toBe('new');
  });
});
