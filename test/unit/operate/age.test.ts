import { expect, it } from 'vitest';
import { age, ago } from '../../../lib/operate/age.ts';

it.each([
  [0, '0 s'],
  [99, '99 s'],
  [300, '5 min'],
  [7200, '2 h'],
  [11_520, '3.2 h'],
  [216_000, '2.5 days'],
])('%d seconds become %s', (seconds, words) => {
  expect(age(seconds)).toBe(words);
});

it('is the time from a moment to now', () => {
  expect(ago(new Date(0), new Date(42_000))).toBe('42 s ago');
});
