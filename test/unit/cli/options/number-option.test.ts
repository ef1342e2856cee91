import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { integer, number } from '../../../../lib/cli/options/number-option.ts';

describe('integer', () => {
  test('reads whole numbers within the range, both ends included', () => {
    const parse = integer({ min: 1, max: 8 });

    expect([parse('1'), parse('8'), parse(' 3 ')]).toEqual([1, 8, 3]);
  });

  test.each(['0', '9', '1.5', 'abc', '', '1e1', '0x2', 'NaN', '99999999999999999999'])(
    'refuses %j and says the range',
    (text) => {
      expect(() => integer({ min: 1, max: 8 })(text)).toThrow(
        new InvalidArgumentError('expected a whole number from 1 to 8'),
      );
    },
  );

  test('says a range that is open at one end', () => {
    expect(() => integer({ min: 0 })('-1')).toThrow('expected a whole number, 0 or more');
    expect(() => integer({ max: 3 })('4')).toThrow('expected a whole number, 3 or less');
    expect(() => integer()('x')).toThrow('expected a whole number');
  });
});

describe('number', () => {
  test('reads fractions and exponents', () => {
    expect([number()('0.5'), number()('1e-3'), number()('-2')]).toEqual([0.5, 0.001, -2]);
  });

  test('leaves the lower end out where asked', () => {
    const parse = number({ min: 0, max: 1, aboveMin: true });

    expect(parse('1')).toBe(1);
    expect(() => parse('0')).toThrow('expected a number above 0, at most 1');
  });

  test.each(['abc', '', ' ', 'Infinity', 'NaN', '1,5'])('refuses %j', (text) => {
    expect(() => number()(text)).toThrow('expected a number');
  });
});
