import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eachPicture, onePicture } from '../../../lib/local/picture-files.ts';
import { InstallationError, PictureError } from '../../../lib/ports/error.ts';

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

/** A stream of the texts that counts how many of them were read. */
function streamOf(...texts: string[]): { read: () => number; stdin: AsyncIterable<Uint8Array> } {
  let read = 0;
  return {
    read: () => read,
    stdin: (async function* () {
      for (const text of texts) {
        read += 1;
        yield Buffer.from(text);
      }
    })(),
  };
}

test('reads - from standard input, which has the limits and the errors of a file', async () => {
  const resultOf = async (...texts: string[]) => {
    const { stdin, read } = streamOf(...texts);
    const options = { ...OPTIONS, stdin };
    const [result] = await Array.fromAsync(eachPicture(['-'], options, async (bytes) => Buffer.from(bytes).toString()));
    return { ...result, read: read() };
  };
  const file = 'standard input';

  expect(await resultOf('ab', 'cde')).toEqual({ file, status: 'succeeded', value: 'abcde', read: 2 });
  expect(await resultOf()).toMatchObject({ file, code: 'empty_object' });
  // The rest of a stream without end is not read.
  expect(await resultOf('abc', 'def', 'ghi')).toMatchObject({ file, code: 'image_too_large', read: 2 });
});

test('./- is a file', async () => {
  writeFileSync(join(folder, '-'), 'file');
  const { stdin, read } = streamOf('stream');
  const options = { ...OPTIONS, stdin };
  const [result] = await Array.fromAsync(
    eachPicture([`${folder}/-`], options, async (bytes) => Buffer.from(bytes).toString()),
  );
  expect(result).toMatchObject({ value: 'file' });
  expect(read()).toBe(0);
});

test('throws an error of the installation, which is no picture’s fault', async () => {
  writeFileSync(join(folder, 'a'), 'a');
  const error = new InstallationError('decoder_start_failed', 'no decoder');
  const results = eachPicture([join(folder, 'a')], OPTIONS, () => Promise.reject(error));
  await expect(Array.fromAsync(results)).rejects.toBe(error);
});

test('throws an unexpected error', async () => {
  writeFileSync(join(folder, 'a'), 'a');
  const results = eachPicture([join(folder, 'a')], OPTIONS, async () => {
    throw new TypeError('defect');
  });

  await expect(Array.fromAsync(results)).rejects.toThrow('defect');
});

test('returns the result of one file, or throws its error with its name and the advice of the caller', async () => {
  const file = join(folder, 'large');
  writeFileSync(file, 'larger');
  const length = async (bytes: Uint8Array) => bytes.length;
  expect(await onePicture(file, { maxBytes: 6 }, length)).toBe(6);
  await expect(onePicture(file, { maxBytes: 5 }, length)).rejects.toMatchObject({
    code: 'image_too_large',
    message: `${file}: image_too_large: Expected at most 5 bytes, received 6; raise the limit with --max-megabytes.`,
  });
  await expect(onePicture(file, { maxBytes: 5, largerAdvice: 'ask' }, length)).rejects.toThrow('received 6; ask.');
});
