import { expect, test } from 'vitest';
import { lookAt } from '../../../../lib/cli/options/look-at.ts';
import { UsageError } from '../../../../lib/cli/usage-error.ts';

test('says what is there, and undefined for nothing', () => {
  expect(lookAt(import.meta.dirname, '--out')?.isDirectory()).toBe(true);
  expect(lookAt(`${import.meta.dirname}/missing`, '--out')).toBeUndefined();
  expect(lookAt(`${import.meta.filename}/below-a-file`, '--out')).toBeUndefined();
});

test('what the system will not say is a wrong command line, with its reason', () => {
  const tooLong = 'x'.repeat(300);
  expect(() => lookAt(tooLong, '--out x')).toThrow(UsageError);
  expect(() => lookAt(tooLong, '--out x')).toThrow('--out x: the system does not let us look there (ENAMETOOLONG)');
});
