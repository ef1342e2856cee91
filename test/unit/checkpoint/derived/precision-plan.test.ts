import { expect, test } from 'vitest';
import { parsePlan, planText, uniformPlan } from '../../../../lib/checkpoint/derived/precision-plan.ts';

test('a plan is written as one character per matrix, and read back', () => {
  const [block] = uniformPlan(1, 'int8');
  const plan = [{ ...block!, fc: 'int8-block-32', mlpProjection: 'f32' } as const, ...uniformPlan(1, 'int8-block-128')];
  expect(planText(plan)).toBe('iibfBBBB');
  expect(parsePlan('iibfBBBB')).toEqual(plan);
});

test.each(['iii', 'iiix', 'iiiii'])('%s is not a plan', (text) => {
  expect(parsePlan(text)).toBeUndefined();
});
