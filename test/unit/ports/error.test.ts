import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorCode, ImageGptError, PictureError, UsageError } from '../../../lib/ports/error.ts';

test('an expected error has the name of its class, its code and its cause', () => {
  const cause = new Error('why');
  const error = new PictureError('corrupt_image', 'Expected a picture.', { cause });

  expect(error).toBeInstanceOf(ImageGptError);
  expect(error).toMatchObject({ name: 'PictureError', code: 'corrupt_image', message: 'Expected a picture.', cause });
});

test('a usage error has the code usage', () => {
  expect(new UsageError('expected --out').code).toBe('usage');
});

test('the code of an error of the system is its name', () => {
  let thrown: unknown;
  try {
    readFileSync('/nowhere');
  } catch (error) {
    thrown = error;
  }

  expect(errorCode(thrown)).toBe('ENOENT');
});

test.each([
  ['a plain object with a code', { code: 'ECONNRESET' }, 'ECONNRESET'],
  ['an error without a code', new Error('no'), undefined],
  ['a number as code', Object.assign(new Error('no'), { code: 1 }), undefined],
  ['null', null, undefined],
  ['a text', 'ENOENT', undefined],
])('the code of %s', (_, error, code) => {
  expect(errorCode(error)).toBe(code);
});
