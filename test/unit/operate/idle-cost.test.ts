import { expect, test } from 'vitest';
import { sum } from '../../../lib/operate/estimate-cost.ts';
import { idleCost, limitIdleCost } from '../../../lib/operate/idle-cost.ts';

test('an idle GPU stack costs 0.91 USD: seven billed metrics, 296,000 polls and an image', () => {
  expect(idleCost('gpu').map(({ usd }) => usd)).toEqual([
    expect.closeTo(0.7, 10),
    expect.closeTo(0.1184, 10),
    expect.closeTo(0.09, 10),
    0,
  ]);
  expect(sum(idleCost('gpu'))).toBeCloseTo(0.91, 2);
});

test('an idle Fargate stack costs 0.53 USD: three metrics less and a smaller image', () => {
  expect(sum(idleCost('cpu'))).toBeCloseTo(0.53, 2);
});

test('an idle stack of functions costs 0.48 USD: one billed metric, 944,000 polls, and no image', () => {
  expect(idleCost('lambda').map(({ usd }) => usd)).toEqual([expect.closeTo(0.1, 10), expect.closeTo(0.3776, 10), 0]);
  expect(sum(idleCost('lambda'))).toBeCloseTo(0.48, 2);
});

test('the model is stored twice', () => {
  // iGPT-L: 5.6 GB.
  expect(sum(idleCost('gpu', { modelGb: 5.6 })) - sum(idleCost('gpu'))).toBeCloseTo(11.2 * 0.023, 10);
});

test('a daily limit adds 13 cents: an alarm metric, and 8,640 runs of a second; their 69,120 requests are free', () => {
  const runs = 8640 * (0.2e-6 + 0.25 * 0.0000133334);

  expect(limitIdleCost('gpu').usd).toBeCloseTo(0.1 + runs, 10);
  expect(limitIdleCost('gpu').usd).toBeCloseTo(0.13, 2);
  expect(limitIdleCost('cpu').usd).toBe(limitIdleCost('gpu').usd);
});
