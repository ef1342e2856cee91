import { expect, test } from 'vitest';
import { statPath } from '../../../lib/local/stat-path.ts';
import { UsageError } from '../../../lib/ports/error.ts';

test('gives the facts of a path, and undefined for a missing path', () => {
  expect(statPath(import.meta.dirname, '--out')?.isDirectory()).toBe(true);
  expect(statPath(`${import.meta.dirname}/missing`, '--out')).toBeUndefined();
  expect(statPath(`${import.meta.filename}/below-a-file`, '--out')).toBeUndefined();
});

test('an inaccessible path is a usage error with the system’s reason', () => {
  const tooLong = 'x'.repeat(300);
  expect(() => statPath(tooLong, '--out x')).toThrow(UsageError);
  expect(() => statPath(tooLong, '--out x')).toThrow(
    '--out x: expected an accessible path, but the system said ENAMETOOLONG',
  );
});
