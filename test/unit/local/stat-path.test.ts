import { expect, test } from 'vitest';
import { statPath } from '../../../lib/local/stat-path.ts';
import { UsageError } from '../../../lib/ports/error.ts';

test('says what is there, and undefined for nothing', () => {
  expect(statPath(import.meta.dirname, '--out')?.isDirectory()).toBe(true);
  expect(statPath(`${import.meta.dirname}/missing`, '--out')).toBeUndefined();
  expect(statPath(`${import.meta.filename}/below-a-file`, '--out')).toBeUndefined();
});

test('what the system will not say is a wrong command line, with its reason', () => {
  const tooLong = 'x'.repeat(300);
  expect(() => statPath(tooLong, '--out x')).toThrow(UsageError);
  expect(() => statPath(tooLong, '--out x')).toThrow(
    '--out x: expected an accessible path, but the system said ENAMETOOLONG',
  );
});
