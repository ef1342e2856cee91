import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eachPicture } from '../../../lib/local/picture-files.ts';
import { PictureError } from '../../../lib/ports/error.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'igpt-files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const OPTIONS = { maxBytes: 5, concurrency: 2 };

test('yields the result of each file, in order', async () => {
  const paths = ['good', 'missing', 'empty', 'large', 'bad'].map((name) => join(folder, name));
  for (const [name, text] of Object.entries({ good: 'good', empty: '', large: 'larger', bad: 'bad' })) {
    writeFileSync(join(folder, name), text);
  }

  const results = await Array.fromAsync(
    eachPicture([...paths, folder], OPTIONS, async (bytes) => {
      const text = Buffer.from(bytes).toString();
      if (text === 'bad') {
        throw new PictureError('corrupt_image', 'no picture');
      }
      return text;
    }),
  );

  expect(results.map((result) => (result.status === 'succeeded' ? result.value : result.code))).toEqual([
    'good',
    'not_found',
    'empty_object',
    'image_too_large',
    'corrupt_image',
    'not_a_file',
  ]);
});

test('refuses a pipe without waiting for a writer', async () => {
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const [result] = await Array.fromAsync(eachPicture([join(folder, 'pipe')], OPTIONS, async () => 'read'));

  expect(result).toMatchObject({ status: 'failed', code: 'not_a_file' });
});

test('throws an unexpected error', async () => {
  writeFileSync(join(folder, 'a'), 'a');
  const results = eachPicture([join(folder, 'a')], OPTIONS, async () => {
    throw new TypeError('defect');
  });

  await expect(Array.fromAsync(results)).rejects.toThrow('defect');
});
