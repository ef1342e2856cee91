import { expect, test } from 'vitest';
import { sum } from '../../../lib/aws/estimate-cost.ts';
import { idleCost } from '../../../lib/aws/idle-cost.ts';

test('an idle GPU stack is six billed metrics, 296,000 polls and an image: 0.82 USD', () => {
  expect(idleCost('gpu').map(({ usd }) => usd)).toEqual([
    expect.closeTo(0.6, 10),
    expect.closeTo(0.1184, 10),
    expect.closeTo(0.1, 10),
    0,
  ]);
  expect(sum(idleCost('gpu'))).toBeCloseTo(0.82, 2);
});

test('an idle stack on Fargate has a metric less and a small image: 0.64 USD', () => {
  expect(sum(idleCost('cpu'))).toBeCloseTo(0.64, 2);
});

test('the model lies in two buckets', () => {
  // iGPT-L: 5.6 GB.
  expect(sum(idleCost('gpu', { modelGb: 5.6 })) - sum(idleCost('gpu'))).toBeCloseTo(11.2 * 0.023, 10);
});
