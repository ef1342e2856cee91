import { expect, test } from 'vitest';
import { metricMath } from './metric-math.ts';

/** Values of three minutes or more; `-` is a minute without data, as in AWS's tables. */
function values(text: string): (minute: number) => number | undefined {
  const list = text.split(' ').map((value) => (value === '-' ? undefined : Number(value)));
  return (minute) => list[minute];
}

const minutes = (length: number) => Array.from({ length }, (_, minute) => minute);

// The examples of the CloudWatch User Guide, "Using math expressions with CloudWatch metrics".
test.each([
  ['a < b', { a: '30 20 0 0', b: '20 - 20 1' }, '0 0 1 1'],
  ['a >= 30', { a: '30 20 0 0' }, '1 0 0 0'],
  ['a > 15 AND b > 15', { a: '30 20 0 0', b: '20 - 20 -' }, '1 0 0 0'],
  ['IF(a, b, c)', { a: '1 1 0 0 -', b: '30 - 0 0 30', c: '0 0 20 - 20' }, '30 0 20 - -'],
  ['IF(a, 5, c)', { a: '1 1 0 0 -', c: '0 0 20 - 20' }, '5 5 20 - -'],
  ['IF(a, b, 5)', { a: '1 1 0 0 -', b: '30 - 0 0 30' }, '30 0 5 5 -'],
  ['IF(a < 400, a)', { a: '399 400 -' }, '399 - -'],
])('%s of %o is %s, as AWS says', (expression, metrics, expected) => {
  const result = metricMath(
    expression,
    Object.fromEntries(Object.entries(metrics).map(([name, text]) => [name, values(text)])),
  );
  const length = expected.split(' ').length;

  expect(minutes(length).map(result)).toEqual(minutes(length).map(values(expected)));
});

test('of two time series the one without data counts as 0, and a minute without any has no result', () => {
  const sum = metricMath('a + b', { a: values('1 - 3 -'), b: values('10 20 - -') });

  expect(minutes(4).map(sum)).toEqual([11, 20, 3, undefined]);
});

test('a scalar gives a minute without data no result', () => {
  expect(minutes(2).map(metricMath('2 * a + 1', { a: values('1 -') }))).toEqual([3, undefined]);
});

test('FILL fills, and DIFF is the difference to the preceding value, also over a gap', () => {
  expect(minutes(3).map(metricMath('FILL(a, 7)', { a: values('1 - 3') }))).toEqual([1, 7, 3]);
  expect(minutes(4).map(metricMath('DIFF(a)', { a: values('1 5 - 3') }))).toEqual([undefined, 4, undefined, -2]);
});

test.each(['SUM(a)', 'a +', '(a', 'a b', 'a & b'])('%s is refused', (expression) => {
  expect(() => metricMath(expression, { a: values('1') })).toThrow(SyntaxError);
});
