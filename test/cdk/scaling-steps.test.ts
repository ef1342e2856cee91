import { expect, test } from 'vitest';
import { onDemandSteps, scalingSteps } from '../../cdk/constructs/scaling-steps.ts';

test('there is one task for every 50 outstanding messages, rounded up', () => {
  expect(scalingSteps(50, 3)).toEqual([
    { lower: 1, tasks: 1 },
    { lower: 51, tasks: 2 },
    { lower: 101, tasks: 3 },
  ]);
});

test('20 tasks are 20 steps, the most that a policy may have', () => {
  expect(scalingSteps(1, 20)).toHaveLength(20);
});

test('on-demand tasks start after 15 minutes: first one, then half, then all', () => {
  expect(onDemandSteps(8)).toEqual([
    { lower: 900, tasks: 1 },
    { lower: 3600, tasks: 4 },
    { lower: 14_400, tasks: 8 },
  ]);
});

test('steps without a change are left out', () => {
  expect(onDemandSteps(1)).toEqual([{ lower: 900, tasks: 1 }]);
  expect(onDemandSteps(2)).toEqual([
    { lower: 900, tasks: 1 },
    { lower: 14_400, tasks: 2 },
  ]);
});
