import { expect, test } from 'vitest';
import { className, distinctNames } from '../../../lib/image-gpt/class-names.ts';

test('a class name is one in both Unicode normal forms and with spaces at its ends', () => {
  expect(className('cafe\u0301 ')).toBe('caf\u00e9');
  expect(className('Cat')).not.toBe(className('cat'));
  expect(className(' ')).toBe(' ');
});

test.each([
  [
    ['crane', 'ship', 'crane'],
    ['crane (0)', 'ship', 'crane (2)'],
  ],
  [
    ['maillot', 'maillot', 'crane'],
    ['maillot (0)', 'maillot (1)', 'crane'],
  ],
  [
    ['a', 'a '],
    ['a (0)', 'a  (1)'],
  ],
  [
    ['crane', 'crane', 'crane (0)'],
    ['crane (0) (0)', 'crane (1)', 'crane (0)'],
  ],
  [
    ['cat', 'Cat'],
    ['cat', 'Cat'],
  ],
  [[], []],
])('the distinct names of %j are %j, also the second time', (names, distinct) => {
  expect(distinctNames(names)).toEqual(distinct);
  expect(distinctNames(distinct)).toEqual(distinct);
});
